#pragma once

/// @file
/// JSON in the metadata of safetensors files. Only the loaders include this.

#include <nlohmann/json.hpp>
#include <string>
#include <tamp/io/safetensors.hpp>

namespace llama {

/// A JSON document out of the metadata of a safetensors file.
nlohmann::json json_metadata(const tamp::io::safetensors_file& file, const std::string& path,
                             const std::string& key);

}  // namespace llama
