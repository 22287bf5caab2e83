#pragma once

// The settings of tamp_study.

#include <string>
#include <vector>

#include "data_settings.hpp"
#include "recipes.hpp"
#include "result_files.hpp"

namespace study {

struct prune_settings {
  std::string model;
  std::vector<std::string> scores{"magnitude", "wanda"}, weightings{"all"}, allocations{"uniform"},
      patterns{"per_row", "2:4"}, refinements{"none"};
  std::vector<double> sparsities{0.3, 0.5, 0.7};
  std::vector<std::string> methods;
  std::vector<unsigned> seeds{0};
  result_places results;
  std::string calibration_file, plans, reports, densities, weights, masks, samples;
  int threads = 0;
  bool layers = false, plan_only = false;
  data_settings data;
};

// All recipes, in the order in which they prune.
std::vector<named_recipe> recipes_of(const prune_settings& s);

// Where the calibration of a seed is kept: nowhere if the name is empty.
std::string calibration_file_of(const prune_settings& s, unsigned seed);

// Reads the command line. Ends the program where it asks for help or has a mistake.
prune_settings parse_prune_settings(int argc, char** argv);

}  // namespace study
