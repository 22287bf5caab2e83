#pragma once

/// @file
/// Statistics of one type in calibration files, read layer by layer. Needs nlohmann-json (CMake:
/// tamp::safetensors).

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "../stat/pairwise.hpp"
#include "calibration.hpp"
#include "detail/fields_file.hpp"
#include "detail/shown.hpp"
#include "detail/strict_json.hpp"

namespace tamp::inline TAMP_FLAGS::io {
namespace detail {

/// The names of a calibration's layers, and for each the number of the first with the same input.
struct calibrated_layers : tamp::detail::strict_reader<nlohmann::json> {
  calibrated_layers(const nlohmann::json& json, std::string_view file)
      : strict_reader(file, "calibration"),
        names(texts(json, "names")),
        inputs(counts(json, "inputs")) {
    if (inputs.size() != names.size())
      refuse("names ", names.size(), " layers, and the inputs of ", inputs.size());
    for (std::size_t k = 0; k < names.size(); ++k)
      if (inputs[k] > k || inputs[inputs[k]] != inputs[k])
        refuse("says that layer ", k, " has the input of layer ", inputs[k]);
  }

  std::vector<std::string> names;
  std::vector<std::size_t> inputs;
};

/// The place of a statistic among those of a calibration: what stands before the names of its
/// fields, and whether it is kept in parts.
struct place_in_calibration {
  std::string prefix;
  bool is_pairwise = false;
};

/// Finds a statistic in the list of a file: by itself ("gram"), in parts ("pairwise gram"), or as a
/// part of a joint one ("column_norm and gram").
inline std::optional<place_in_calibration> find_statistic(std::string_view list,
                                                          std::string_view wanted) {
  constexpr std::string_view pairwise = "pairwise ", comma = ", ", and_ = " and ";
  for (std::size_t place = 0;; ++place) {
    const std::size_t end = list.find(comma);
    std::string_view label = list.substr(0, end);
    const std::string prefix = tamp::detail::sentence(place, '.');
    if (label == wanted) return place_in_calibration{prefix, false};
    if (label.starts_with(pairwise)) {
      if (label.substr(pairwise.size()) == wanted) return place_in_calibration{prefix, true};
    } else {
      for (std::size_t part = 0;; ++part) {
        const std::size_t end_of_part = label.find(and_);
        if (label.substr(0, end_of_part) == wanted)
          return place_in_calibration{tamp::detail::sentence(prefix, part, '.'), false};
        if (end_of_part == label.npos) break;
        label.remove_prefix(end_of_part + and_.size());
      }
    }
    if (end == list.npos) return std::nullopt;
    list.remove_prefix(end + comma.size());
  }
}

}  // namespace detail

/// The statistics of one type in a calibration file, which are read layer by layer, so that no more
/// than one is in memory. The host that made the file is not at hand: layers are known by their
/// names alone.
///
///     tamp::io::layer_statistics<tamp::stat::gram> seen("seen.safetensors");
///     if (const auto layer = seen.find("blocks.0.down")) use(seen.of(*layer));
///
/// Any complete calibration that has the statistic will do, whatever else it has: the statistic may
/// stand by itself, be kept in parts (stat::pairwise) or be joined with others (stat::joint). Layers
/// with the same input share one.
template <class Statistic>
class layer_statistics {
 public:
  /// @throws file_error if the file cannot be read, is no complete calibration, does not have the
  ///         statistic, or was written without the names of its layers
  explicit layer_statistics(const std::filesystem::path& path)
      : file_(path, "tamp_calibration", detail::calibration_version, "calibration"),
        place_(place_in(file_)),
        layers_(layers_of(file_, path.string())) {
    for (std::size_t k = 0; k < layers_.names.size(); ++k) numbers_.emplace(layers_.names[k], k);
  }

  std::size_t layers() const noexcept { return layers_.names.size(); }
  const std::string& name(std::size_t layer) const { return layers_.names[layer]; }
  /// The first layer with the same input.
  std::size_t input_of(std::size_t layer) const { return layers_.inputs[layer]; }
  /// The number of the layer of that name, if there is one.
  std::optional<std::size_t> find(std::string_view name) const {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
  }

  /// Reads the statistic of a layer.
  /// @throws file_error if the file does not hold all of it
  /// @throws value_error if no statistic can have written its numbers
  [[nodiscard]] Statistic of(std::size_t layer) {
    if (place_.is_pairwise) return read<stat::pairwise<Statistic>>(input_of(layer)).total();
    return read<Statistic>(input_of(layer));
  }

 private:
  static detail::place_in_calibration place_in(const detail::fields_reader& file) {
    const std::size_t blocks = file.count("blocks"), done = file.count("blocks_done");
    if (done != blocks)
      file.refuse("has seen ", done, " of ", blocks, " blocks: calibrate to the end first");
    const auto found = detail::find_statistic(file.metadata("statistics"), Statistic::label());
    if (!found)
      file.refuse("holds the statistics ", tamp::detail::shown(file.metadata("statistics")),
                  ", and no ", Statistic::label());
    return *found;
  }
  static detail::calibrated_layers layers_of(const detail::fields_reader& file,
                                             const std::string& name) {
    if (!file.has("layers"))
      file.refuse("was written without the names of its layers, which later versions write");
    return {tamp::detail::parse_object(file.metadata("layers"), 2, name, "the metadata 'layers'"),
            name};
  }

  template <class Stored>
  Stored read(std::size_t layer) {
    Stored seen;
    Stored::fields(seen, [&](std::string_view field, auto& value) {
      file_.read(tamp::detail::sentence("layer.", layer, '.', place_.prefix, field), value);
    });
    file_.check_contents([&] { seen.validate(); });
    return seen;
  }

  detail::fields_reader file_;
  detail::place_in_calibration place_;
  detail::calibrated_layers layers_;
  std::map<std::string, std::size_t, std::less<>> numbers_;
};

}  // namespace tamp::inline TAMP_FLAGS::io
