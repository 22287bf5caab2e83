#pragma once

// The smaller model as a folder of safetensors files with its configuration.

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "folder_vocabulary.hpp"
#include "model_ties.hpp"
#include "smaller_tensors.hpp"

namespace tamp_prune {

// The numbers of config.json. Throws tamp::value_error, which begins with the option that needs them, if
// it lacks some or is of a model that cannot be changed.
model_numbers numbers_of_config(const nlohmann::ordered_json& config,
                                std::string_view option = "--structure");

// The configuration of the smaller model. Throws tamp::value_error, before anything is written, where
// it cannot say what changes.
nlohmann::ordered_json changed_config(nlohmann::ordered_json config, const structure_change& change,
                                      bool adds_biases);

// The configuration of a model in a folder. Throws tamp::file_error, which names the option that needs
// it, if there is none.
nlohmann::ordered_json read_config(const model_files& model,
                                   std::string_view why = "--structure must change");

// Writes the files of `tensors`, the configuration, the index, what `changed` says, and copies of all
// else into a folder that is there. Returns false, with files missing, if `is_stopped` says so between
// two tensors.
bool write_folder(const std::filesystem::path& folder, const model_files& model,
                  const std::vector<smaller_tensor>& tensors, const nlohmann::ordered_json& config,
                  const changed_files& changed, const std::function<bool()>& is_stopped);

}  // namespace tamp_prune
