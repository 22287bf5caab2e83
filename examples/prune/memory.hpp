#pragma once

// The memory that a run needs, and the bound that it keeps to.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layers.hpp"
#include "layout.hpp"
#include "model_files.hpp"
#include "settings.hpp"

namespace tamp_prune {

// A number of bytes: "5000", or with K, M, G or T, or KiB, MiB, GiB or TiB, which mean the same
// powers of 1024. Throws tamp::value_error if it is no such number, 0, or too large.
std::uint64_t bytes_of(std::string_view text);

// The memory of one step of a run, beside that of all steps.
struct step_memory {
  std::string what;                  // "to prune model.layers.0.mlp.up_proj.weight"
  std::uint64_t bytes = 0;           // scores, masks and the like
  std::uint64_t bytes_of_place = 0;  // of each layer that is in memory at a time
};

// The most that a run needs. docs/guide/prune_files.md says what is counted, and compares it with
// what runs took.
struct memory_need {
  std::uint64_t bytes_of_all = 0;  // of the program, its lists, the headers and the norms
  std::vector<step_memory> steps;
  // Of a run that refines masks: the step, and what it counts for the largest statistic of an input.
  std::optional<step_memory> refinement;
  std::uint64_t bytes_of_statistic = 0;

  // The step that needs most with so many layers in memory, and what the run needs then.
  const step_memory& largest(std::size_t places) const;
  std::uint64_t bytes(std::size_t places) const;
};
memory_need need_of(const settings& s, const model_files& model, const layer_list& layers,
                    const layout& files);

// The bytes that statistics of inputs may take within a bound that suffices for one of them.
std::uint64_t room_for_statistics(std::uint64_t bound, const memory_need& need);

// The number of layers that may be in memory at a time: 2 if the bound allows it, else 1. Throws
// tamp::value_error if it allows less, naming the step that needs more.
std::size_t places_within(std::uint64_t bound, const memory_need& need);

}  // namespace tamp_prune
