#pragma once

/// @file
/// Stored models in safetensors files.

#include <string>

#include "stored_model.hpp"

namespace llama {

/// Writes all tensors of a model under their Hugging Face names. Sparse layers are written as
/// tamp/io/sparse_file.hpp has them, so that compressed-tensors can read them, too.
void save(const std::string& path, const stored_model& m);

/// Reads the layers and the head of a model of the given sizes from such a file, in the form in which
/// they were written. Norms, embedding and positions are those of `m`.
stored_model load_stored(const std::string& path, const model& m);

}  // namespace llama
