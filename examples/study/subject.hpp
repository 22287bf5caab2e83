#pragma once

// What the study prunes and how it is judged: a model, its calibration samples, its quality.

#include <cstddef>
#include <llama/tamp_host.hpp>
#include <memory>
#include <string>
#include <vector>

namespace study {

// How much data to use; 0 means all that there is of scenes, and the default for text.
struct data_settings {
  std::string text;
  std::string calibration_scenes, evaluation_scenes;
  std::size_t calibration = 0, evaluation = 0;  // scenes, or sequences of text
  std::size_t sequence_length = 256;            // tokens of a sequence of text
};

class subject {
 public:
  virtual ~subject() = default;

  // One line that says what is measured on what.
  virtual std::string description() const = 0;
  virtual const llama::model& dense() const = 0;
  // Embedded sequences. Seed 0 takes the first of the pool, any other a random choice of them.
  virtual std::vector<llama::calibration_sample> calibration_samples(unsigned seed = 0) const = 0;
  // Names of the quality columns, and one number for each.
  virtual std::vector<std::string> columns() const = 0;
  virtual std::vector<double> measure(const llama::model& m) const = 0;
};

// A multimodal model that answers questions about scenes (.safetensors), or a language model that
// is judged on prose (.gguf).
std::unique_ptr<subject> load_subject(const std::string& model, const data_settings& settings);

}  // namespace study
