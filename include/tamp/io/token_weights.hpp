#pragma once

/// @file
/// Weights of tokens in safetensors files, so that measuring them can be stopped and resumed. Needs
/// nlohmann-json (CMake: tamp::safetensors).

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "../error.hpp"
#include "../model/token_weights.hpp"
#include "detail/fields_file.hpp"
#include "safetensors_writer.hpp"
#include "save_load.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The file of token weights, complete or not: a safetensors file of the fields of the value. It
/// replaces an older one in one step.
template <>
struct file_format<token_weights> {
  static constexpr std::string_view version = "1";

  /// @throws file_error if the file cannot be written
  static void save(const std::filesystem::path& path, const token_weights& weights) {
    std::vector<io::declaration> fields;
    token_weights::fields(weights, [&](std::string_view name, const auto& value) {
      fields.push_back(io::detail::declared(std::string(name), value));
    });
    io::safetensors_writer out(path, fields, {{"tamp_token_weights", std::string(version)}});
    token_weights::fields(weights, [&](std::string_view name, const auto& value) {
      io::detail::write_field(out, name, value);
    });
    out.commit();
  }

  /// @throws file_error if the file cannot be read or holds no token weights
  /// @throws value_error if its numbers cannot be the weights of tokens
  static token_weights load(const std::filesystem::path& path) {
    io::detail::fields_reader file(path, "tamp_token_weights", version, "list of token weights");
    token_weights weights;
    token_weights::fields(
        weights, [&](std::string_view name, auto& value) { file.read(std::string(name), value); });
    file.finish();
    file.check_contents([&] { weights.validate(); });
    return weights;
  }
};

}  // namespace tamp::inline TAMP_FLAGS::detail
