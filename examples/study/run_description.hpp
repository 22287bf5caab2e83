#pragma once

// All that a run depends on: its options, versions, and fingerprints of the files that it reads.

#include <string>
#include <vector>

namespace study {

struct run_option {
  std::string name;  // without dashes
  std::vector<std::string> values;
  bool is_number = false, is_list = false;
};

struct run_description {
  std::string program;              // tamp_study
  std::string made_with;            // see versions()
  std::vector<run_option> options;  // with defaults and fingerprints
  // Of the files' contents, or empty for a run without files of results.
  std::string model_fingerprint{}, data_fingerprint{};
};

// The versions of what a program is made of: "tamp 0.1.0, GCC 12.2.0, Eigen 3.4.0 (AVX512, FMA)".
// Another set of instructions, or another version of Eigen, rounds sums differently.
std::string versions();

// The run as a file in TOML's form: a comment, and a line for each option.
std::string run_text(const run_description& run);

}  // namespace study
