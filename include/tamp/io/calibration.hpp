#pragma once

/// @file
/// Calibrations in safetensors files, so that they can be stopped and resumed. Needs nlohmann-json
/// (CMake: tamp::safetensors).

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "../execute/standard.hpp"
#include "../model/fingerprint.hpp"
#include "../model/host.hpp"
#include "../prune/calibrate.hpp"
#include "detail/fields_file.hpp"
#include "detail/json_format.hpp"
#include "safetensors_writer.hpp"
#include "save_load.hpp"

namespace tamp::inline TAMP_FLAGS::io {
namespace detail {

inline constexpr std::string_view calibration_version = "1";

/// The names of the layers, and for each the number of the first one with the same input, as JSON.
template <class... Statistics>
std::string layers_of(const calibration<Statistics...>& seen) {
  nlohmann::ordered_json layers{{"names", nlohmann::ordered_json::array()},
                                {"inputs", nlohmann::ordered_json::array()}};
  for (std::size_t k = 0; k < seen.layers(); ++k) {
    layers["names"].push_back(seen.name(k));
    layers["inputs"].push_back(seen.input_of(k));
  }
  return tamp::detail::dumped(layers);
}

}  // namespace detail

/// Saves a calibration, complete or not. The metadata name the kind of its statistics, the layers,
/// and the fingerprints of model and calibration set. The file is put in place of an older one in
/// one step.
///
///     tamp::calibrate(host, seen, [&](const tamp::progress&) {
///       tamp::io::save("seen.safetensors", seen);   // after every block
///       return true;
///     });
///
/// @throws file_error if the file cannot be written
/// @throws value_error if `load` would refuse what a statistic holds; an older file is untouched
template <class... Statistics>
void save(const std::filesystem::path& path, const calibration<Statistics...>& seen) {
  seen.validate(path.string());
  std::vector<declaration> fields;
  seen.fields(seen, [&](const std::string& name, const auto& value) {
    fields.push_back(detail::declared(name, value));
  });
  safetensors_writer out(path, fields,
                         {{"tamp_calibration", std::string(detail::calibration_version)},
                          {"statistics", seen.label()},
                          {"model", tamp::detail::hexadecimal(seen.model())},
                          {"samples", tamp::detail::hexadecimal(seen.samples())},
                          {"layers", detail::layers_of(seen)},
                          {"blocks", std::to_string(seen.blocks())},
                          {"blocks_done", std::to_string(seen.blocks_done())}});
  seen.fields(seen, [&](const std::string& name, const auto& value) {
    detail::write_field(out, name, value);
  });
  out.commit();
}

/// Loads a calibration that `save` has written. `seen` says which statistics it must hold (see
/// tamp::calibration_for), `host` to which model and calibration set it must belong. The former
/// contents of `seen` are replaced; `calibrate` goes on from there. An executor may go first.
///
/// @throws value_error if the file holds other statistics, or belongs to another model or
///         calibration set, naming both; or if its numbers cannot have been summed up
/// @throws file_error if it cannot be read or is no calibration
/// `seen` is as it was then.
template <executor E, model Model, class... Statistics>
void load(const E& exec, const std::filesystem::path& path, Model& host,
          calibration<Statistics...>& seen) {
  static_assert(
      requires {
        { host.fingerprint() } -> std::convertible_to<std::uint64_t>;
      },
      "statistics from a file must belong to the host's calibration set: give the host a "
      "fingerprint() that tells one set from another (see tamp::fingerprint)");
  detail::fields_reader file(path, "tamp_calibration", detail::calibration_version, "calibration");
  file.expect("statistics", seen.label(), "holds the statistics", ", and not ");
  auto loaded = seen.emptied();
  loaded.prepare(exec, host);
  file.expect("model", tamp::detail::hexadecimal(loaded.model()), "made with the model",
              ", this one is ");
  file.expect("samples", tamp::detail::hexadecimal(loaded.samples()), "made with the samples",
              ", these are ");
  const std::size_t blocks = file.count("blocks"), done = file.count("blocks_done");
  if (blocks != loaded.blocks() || done > blocks)
    file.refuse("has seen ", done, " of ", blocks, " blocks, the model has ", loaded.blocks());
  loaded.resume_at(done);
  loaded.fields(loaded, [&](const std::string& name, auto& value) { file.read(name, value); });
  file.finish();
  loaded.validate(path.string());
  seen = std::move(loaded);
}
template <model Model, class... Statistics, executor E = execute::standard>
void load(const std::filesystem::path& path, Model& host, calibration<Statistics...>& seen) {
  io::load(E{}, path, host, seen);
}

}  // namespace tamp::inline TAMP_FLAGS::io
