#pragma once

// The subject of the study: a model, its calibration samples, its quality.

#include <llama/parallel.hpp>
#include <llama/tamp_host.hpp>
#include <memory>
#include <string>
#include <vector>

#include "data_settings.hpp"
#include "result_table.hpp"

namespace study {

class subject {
 public:
  virtual ~subject() = default;

  // One line that says what is measured on what.
  virtual std::string description() const = 0;
  virtual const llama::model& dense() const = 0;
  // Embedded sequences. Seed 0 takes the first of the pool, any other a random choice of them.
  virtual std::vector<llama::calibration_sample> calibration_samples(unsigned seed = 0) const = 0;
  // The columns of quality, and one number for each.
  virtual std::vector<column> columns() const = 0;
  // `of_samples` gets one number for each scene or sequence: 1 for a right answer, or the mean
  // log-likelihood of a token.
  virtual std::vector<double> measure(const llama::model& m,
                                      std::vector<double>* of_samples = nullptr,
                                      const llama::progress_function& on_progress = {}) const = 0;
};

// A multimodal model that answers questions about scenes (.safetensors), or a language model that
// is judged on prose (.gguf), which the dense model reads when it is loaded.
std::unique_ptr<subject> load_subject(const std::string& model, const data_settings& settings,
                                      const llama::progress_function& on_progress = {});

}  // namespace study
