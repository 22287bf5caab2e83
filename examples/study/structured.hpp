#pragma once

// Takes heads, neurons and layers out of a model in memory.

#include <cstddef>
#include <llama/tamp_host.hpp>
#include <string>
#include <tamp/tamp.hpp>
#include <vector>

namespace study {

// The choice of units.
struct structured_recipe {
  std::string score = "flap";        // flap, wanda, magnitude; of layers, block_influence
  std::string allocate = "uniform";  // uniform, global (FLAP's), owl, das
  double sparsity = 0.2;             // of the parameters of all units
  bool compensates = true;           // FLAP's biases
  bool takes_layers = false;         // whole layers, instead of heads and neurons
  std::size_t multiple = 1;          // of neurons
};
std::string label(const structured_recipe& recipe);

// The dense model's signals of calibration samples.
using structured_statistics =
    tamp::calibration<tamp::stat::column_norm, tamp::stat::column_variance,
                      tamp::stat::hidden_change>;
structured_statistics observe_structure(const llama::model& dense,
                                        const std::vector<llama::calibration_sample>& samples,
                                        const tamp::progress_callback& on_progress = {});

// The units of all blocks: heads with their keys and values, then neurons; or the layers.
tamp::structure::ties ties_of(const llama::model& m, const structured_recipe& recipe);

// Chooses what stays. `sparsities` are those of the blocks, for owl and das.
tamp::structure::unit_plan plan_structure(const llama::model& dense,
                                          const structured_recipe& recipe,
                                          const structured_statistics& seen,
                                          const std::vector<double>& sparsities);

// The smaller model. With statistics, biases stand in for what left.
llama::model without(const llama::model& dense, const tamp::structure::ties& ties,
                     const tamp::structure::unit_plan& plan, const structured_statistics* seen);

// The numbers in the linear layers of all blocks.
std::size_t parameters(const llama::model& m);

}  // namespace study
