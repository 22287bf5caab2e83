#pragma once

// The settings of tamp_reduce.

#include <cstddef>
#include <string>
#include <vector>

#include "data_settings.hpp"
#include "result_files.hpp"

namespace study {

struct reduce_settings {
  std::string model;
  std::vector<std::string> selectors{"random", "attention_top_k", "fitprune"}, visual{"-"};
  std::vector<double> budgets{0.8, 0.6, 0.4, 0.2}, joint, pixel_prune;
  std::size_t drop_layer = 1, timed = 20, scenes = 3;
  result_places results;
  std::string kept, rank, plans;
  int threads = 0;
  prompt_settings data;
};

// A file of --plans for a budget of --joint.
std::string joint_plan_of(const reduce_settings& s, double budget);

// Reads the command line. Ends the program where it asks for help or has a mistake.
reduce_settings parse_reduce_settings(int argc, char** argv);

}  // namespace study
