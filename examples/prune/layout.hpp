#pragma once

// Where the bytes of the model come to lie in the files that are written.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "layers.hpp"
#include "model_files.hpp"
#include "settings.hpp"

namespace tamp_prune {

struct copied_range {
  std::uint64_t from = 0, to = 0, length = 0;
};

// One file: a header of its own, if the source's does not fit any more, and what is copied. The
// bytes of the layers are missing; all else that is not mentioned is zero.
struct file_layout {
  std::uint64_t size = 0;
  std::vector<std::byte> header;
  std::vector<copied_range> copied;
};

// One for each of the model's files of weights.
using layout = std::vector<file_layout>;

// All stays where it is.
layout same_layout(const model_files& model, const layer_list& layers);

// The layers of GGUF files whose type has no zero become `type`: "Q8_0" or "F16"; where the weights
// that stay change, those whose type tamp does not write, too. Sets the new places and types of the
// layers. A file in which no type changes stays as it is.
layout retyped_layout(const model_files& model, layer_list& layers, const std::string& type,
                      bool changes_weights = false);

// Checks that a model has what --retype stores otherwise. Throws tamp::file_error.
void check_retype(const settings& s, const model_files& model);

}  // namespace tamp_prune
