#pragma once

// The files that a study reads beside a model.

#include <filesystem>
#include <string>
#include <vector>

#include "utf8.hpp"

namespace study {

// The name of a model's file, in a line of a file of results.
inline std::string model_name(const std::string& model) {
  return line_of(std::filesystem::path(model).filename().string());
}

// The file of scenes that is named, or else lies beside the model: with tiny_mllm.safetensors, and
// any name without scenes of its own, lies tiny_eval.safetensors.
inline std::string scenes_file(const std::string& model, const std::string& named,
                               const std::string& purpose) {
  if (!named.empty()) return named;
  const std::filesystem::path path(model);
  const auto beside = [&](const std::string& family) {
    return path.parent_path() / (family + "_" + purpose + ".safetensors");
  };
  const std::string stem = path.stem().string();
  const auto own = beside(stem.substr(0, stem.find('_')));
  return (std::filesystem::exists(own) ? own : beside("tiny")).string();
}

// True for a language model, which reads prose; others read scenes.
inline bool reads_prose(const std::string& model) {
  return std::filesystem::path(model).extension() == ".gguf";
}

// What is read of data_settings or prompt_settings: nothing if a language model has no prose.
template <class Settings>
std::vector<std::string> data_files(const std::string& model, const Settings& data) {
  if (reads_prose(model))
    return data.text.empty() ? std::vector<std::string>() : std::vector{data.text};
  return {scenes_file(model, data.calibration_scenes, "calib"),
          scenes_file(model, data.evaluation_scenes, "eval")};
}

}  // namespace study
