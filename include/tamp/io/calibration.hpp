#pragma once

/// @file
/// Calibrations in safetensors files, so that they can be stopped and resumed. Needs nlohmann-json
/// (CMake: tamp::safetensors).

#include <bit>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "../execute/standard.hpp"
#include "../model/fingerprint.hpp"
#include "../model/host.hpp"
#include "../prune/calibrate.hpp"
#include "detail/json_format.hpp"
#include "detail/shown.hpp"
#include "safetensors_file.hpp"
#include "safetensors_writer.hpp"
#include "save_load.hpp"

namespace tamp::inline TAMP_FLAGS::io {
namespace detail {

inline constexpr std::string_view calibration_version = "1";

/// One list of numbers, or one 64-bit word, as a tensor. Words keep all bits, though safetensors
/// knows them as signed.
inline declaration declared(const std::string& name, const std::vector<double>& numbers) {
  return {name, dtype::f64, {numbers.size()}};
}
template <std::unsigned_integral Word>
declaration declared(const std::string& name, const Word&) {
  return {name, dtype::i64, {}};
}
inline void write_field(safetensors_writer& out, std::string_view name,
                        const std::vector<double>& numbers) {
  out.write<double>(name, numbers);
}
template <std::unsigned_integral Word>
void write_field(safetensors_writer& out, std::string_view name, const Word& word) {
  const auto bits = std::bit_cast<std::int64_t>(std::uint64_t{word});
  out.write<std::int64_t>(name, std::span(&bits, 1));
}

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

/// Reads a calibration file piece by piece, and checks each piece.
class calibration_reader {
 public:
  explicit calibration_reader(const std::filesystem::path& path)
      : name_(path.string()), file_(path) {
    if (const auto& version = metadata("tamp_calibration"); version != calibration_version)
      refuse("is a calibration of version ", tamp::detail::shown(version),
             ", and tamp reads version ", calibration_version);
  }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    tamp::detail::raise<file_error>(name_, ": ", parts...);
  }

  const std::string& metadata(const std::string& key) const {
    const auto found = file_.metadata().find(key);
    if (found == file_.metadata().end()) refuse("is no calibration: its metadata lack '", key, "'");
    return found->second;
  }
  bool has(const std::string& key) const { return file_.metadata().contains(key); }
  std::size_t count(const std::string& key) const {
    const std::string& text = metadata(key);
    std::size_t number = 0;
    const char* end = text.data() + text.size();
    if (const auto [at, problem] = std::from_chars(text.data(), end, number);
        problem != std::errc{} || at != end)
      refuse("the metadata '", key, "' are '", tamp::detail::shown(text), "' and not a count");
    return number;
  }
  /// @throws value_error that names both values if the file holds another one than is wanted
  void expect(const std::string& key, std::string_view wanted, std::string_view saved_with,
              std::string_view here) const {
    if (const std::string& saved = metadata(key); saved != wanted)
      tamp::detail::raise<value_error>(name_, ": ", saved_with, ' ', tamp::detail::shown(saved),
                                       here, wanted);
  }

  void read(const std::string& name, std::vector<double>& numbers) {
    if (const std::size_t dimensions = file_.at(name).shape.size(); dimensions != 1)
      refuse("tensor '", name, "' has ", dimensions, " dimensions instead of 1");
    const auto values = file_.values<double>(name);
    numbers.assign(values.begin(), values.end());
    ++fields_;
  }
  template <std::unsigned_integral Word>
  void read(const std::string& name, Word& word) {
    const auto values = file_.values<std::int64_t>(name);
    if (values.size() != 1) refuse("tensor '", name, "' holds ", values.size(), " counts");
    word = std::bit_cast<std::uint64_t>(values[0]);
    ++fields_;
  }
  /// Refuses a file that holds more than was asked for.
  void finish() const {
    if (fields_ != file_.tensors().size())
      refuse("holds ", file_.tensors().size(), " tensors, a calibration like this one has ",
             fields_);
  }

 private:
  std::string name_;
  safetensors_file file_;
  std::size_t fields_ = 0;
};

}  // namespace detail

/// Saves a calibration, complete or not. The metadata name the kind of its statistics, the layers,
/// and the fingerprints of model and calibration set. The file is put in place of an older one in one step.
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
  detail::calibration_reader file(path);
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
