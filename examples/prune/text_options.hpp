#pragma once

// The part of a text that a model reads.

#include <cstddef>
#include <string>

namespace tamp_prune {

struct text_options {
  std::string text;            // a file
  std::size_t sequences = 32;  // at most, of the text's first tokens
  std::size_t length = 256;    // tokens of each
  int threads = 0;
};

}  // namespace tamp_prune
