#pragma once

/// @file
/// JSON, and matrices of safetensors files. Only the loaders include this.

#include <nlohmann/json.hpp>
#include <string>
#include <tamp/io/safetensors.hpp>

#include "config.hpp"

namespace llama {

/// A JSON document out of the metadata of a safetensors file.
nlohmann::json json_metadata(const tamp::io::safetensors_file& file, const std::string& path,
                             const std::string& key);

/// The JSON document that a file is; an object.
nlohmann::json json_file(const std::string& path);

/// A tensor of (rows, cols) as floats. One of a single dimension is a row.
matrix read_matrix(const tamp::io::safetensors_file& file, const std::string& path,
                   const std::string& name, Index rows, Index cols);

}  // namespace llama
