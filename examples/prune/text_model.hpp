#pragma once

// The dense model in the example engine, and a text as samples for it.

#include <cstddef>
#include <cstdint>
#include <llama/load_gguf.hpp>
#include <llama/tamp_host.hpp>
#include <string>
#include <tamp/error.hpp>
#include <vector>

#include "model_files.hpp"
#include "team.hpp"
#include "text_options.hpp"

namespace tamp_prune {

struct text_model {
  llama::language_model language;
  part sequences;  // of all, those that this rank has
  std::vector<llama::calibration_sample> samples;

  // The tensor of the files that the engine calls by this name.
  static std::string name_in(const model_files& model, const std::string& layer) {
    return model.is_gguf ? llama::gguf_name(layer) : layer;
  }
};

// Loads the model as floats, and makes samples of the rank's sequences. Throws what the engine
// throws, and tamp::file_error if the text is shorter than one sequence.
text_model load_text_model(const model_files& model, const text_options& options,
                           const team& ranks = {});

// Returns use(). What the engine throws becomes a tamp::value_error.
template <class Use>
auto with_engine(const Use& use) {
  try {
    return use();
  } catch (const llama::error& problem) {
    throw tamp::value_error(tamp::detail::sentence("--text: ", problem.what()));
  }
}

}  // namespace tamp_prune
