#pragma once

// The intention and the result of a run, for people and as JSON.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <tamp/prune/pruning_plan.hpp>
#include <tamp/prune/report.hpp>

#include "layers.hpp"
#include "memory.hpp"
#include "model_files.hpp"
#include "output_place.hpp"
#include "settings.hpp"

namespace tamp_prune {

// Name, size and time of a file, by which a change of it is noticed.
nlohmann::ordered_json fs_state(const std::filesystem::path& path);
// Size and fingerprint of the contents of a file, which are equal for all copies of it. Reads all of it.
nlohmann::ordered_json contents_state(const std::filesystem::path& path);

void print_intention(std::FILE* to, const settings& s, const model_files& model,
                     const layer_list& layers, const tamp::pruning_plan& plan);
// The bytes that memory.hpp counts, with the step that needs most, and those of a refinement.
void print_memory(std::FILE* to, const memory_need& need);
// Zeros made, as a fraction of all numbers in the files.
double sparsity_of_files(const model_files& model, const tamp::prune_report& report);
// `bytes_after` is the size of all weights that were written.
void print_result(std::FILE* to, const settings& s, const model_files& model,
                  const layer_list& layers, std::uint64_t bytes_after,
                  const tamp::prune_report& report);
void save_report(const settings& s, const model_files& model, const layer_list& layers,
                 std::uint64_t bytes_after, const tamp::prune_report& report);

// Says that a run was stopped which cannot go on, and returns its exit code.
int stopped_before(const output_place& place, std::FILE* errors);

// Printed lines are a result, too: a full disk behind them must not go unnoticed. Throws
// tamp::file_error.
void check_printed(std::FILE* output);

}  // namespace tamp_prune
