#pragma once

// The prompts of the study of tokens and visual computation, with a visual part, and what the
// model makes of them.

#include <cstddef>
#include <llama/reduced.hpp>
#include <memory>
#include <string>
#include <tamp/token/pixel_prune.hpp>
#include <vector>

#include "data_settings.hpp"
#include "result_table.hpp"

namespace study {

class prompts {
 public:
  virtual ~prompts() = default;

  // One line that says what is measured on what.
  virtual std::string description() const = 0;
  virtual const llama::model& model() const = 0;
  virtual std::size_t size() const = 0;
  virtual llama::sequence prompt(std::size_t i) const = 0;
  // The patches of a prompt's picture or clip that their neighbours do not predict.
  virtual tamp::token::selection unpredicted_patches(
      std::size_t i, const tamp::token::pixel_prune_options& options) const = 0;
  virtual std::vector<llama::sequence> calibration() const = 0;
  // The columns of quality, and one number for each from what the head takes of the last
  // token of each prompt, (prompts, hidden).
  virtual std::vector<column> columns() const = 0;
  virtual std::vector<double> quality(const llama::matrix& features) const = 0;
};

// Questions about scenes (.safetensors): the right answers in percent. Or prose (.gguf), of which a
// span is taken for visual tokens: how far the prediction of the next token is from the dense
// model's.
std::unique_ptr<prompts> load_prompts(const std::string& model, const prompt_settings& settings);

}  // namespace study
