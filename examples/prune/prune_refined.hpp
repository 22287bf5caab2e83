#pragma once

// Pruning with refinements, which look at all inputs of a layer together.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <tamp/prune/report.hpp>
#include <vector>

#include "model_files.hpp"
#include "prune_files.hpp"
#include "settings.hpp"
#include "shares.hpp"

namespace tamp_prune {

// Takes the bytes of a layer that is done, as they are written.
using layer_writer =
    std::function<void(const layer&, const tamp::layer_report&, std::span<const std::byte>)>;

// Prunes layers one after another, while the statistics of some are held. Layers that are not pruned,
// or that saw no token, are done as without refinement.
class layer_refiner {
 public:
  virtual ~layer_refiner() = default;

  // Throws tamp::error if the statistics of a layer that is pruned cannot be used.
  virtual void check(const share& all) = 0;
  // `seen` are the norms of the same layers, unless the score is magnitude. The report lists the
  // layers that are done. Returns false if `is_stopped` stopped it.
  virtual bool prune(const share& mine, const std::optional<norms>& seen,
                     tamp::prune_report& report, const layer_writer& write,
                     const std::function<bool()>& is_stopped) = 0;
};

// Opens the statistics, or loads the dense model. `room` bounds the bytes of the statistics that are
// held; one is held in any case. Throws tamp::error as statistics_of_inputs does.
std::unique_ptr<layer_refiner> refiner_for(const settings& s, const model_files& model,
                                           std::uint64_t room);

// Divides layers in a row into groups whose statistics are held together: layers of one block, whose
// different inputs take no more than `room` bytes, or one layer. `input_of` and `bytes_of` tell of a
// layer.
std::vector<std::vector<layer>> groups_within(
    std::uint64_t room, const std::vector<layer>& of_block,
    const std::function<std::size_t(const layer&)>& input_of,
    const std::function<std::uint64_t(const layer&)>& bytes_of);

// Completes the report of a model whose layers are all done, as tamp::prune_model does.
void complete_refined_report(const settings& s, const tamp::pruning_plan& plan,
                             tamp::prune_report& report);

}  // namespace tamp_prune
