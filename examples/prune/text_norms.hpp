#pragma once

// Column norms of a GGUF model's layers on a text, made by the example engine.

#include <cstddef>
#include <functional>
#include <string>
#include <tamp/io/named_norms.hpp>

namespace tamp_prune {

struct text_options {
  std::string text;            // a file
  std::size_t sequences = 32;  // at most, of the text's first tokens
  std::size_t length = 256;    // tokens of each
  int threads = 0;
};

// Sends the text through the dense model, which must fit into memory as floats. The norms have the
// names of the file's tensors. Throws tamp::error if the engine cannot run the model, if the text is
// shorter than one sequence, or if `is_stopped`, which is asked after every block, returns true.
tamp::io::named_norms norms_of_text(const std::string& model, const text_options& options,
                                    const std::function<bool()>& is_stopped);

}  // namespace tamp_prune
