#pragma once

/// @file
/// The column norms of a calibration file, by the names of its layers. Needs nlohmann-json.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../../stat/column_norm.hpp"
#include "../../stat/pairwise.hpp"
#include "../calibration.hpp"
#include "../named_norms.hpp"
#include "../safetensors_file.hpp"
#include "fields_file.hpp"
#include "shown.hpp"
#include "strict_json.hpp"

namespace tamp::inline TAMP_FLAGS::io::detail {

inline bool is_calibration(const safetensors_file& file) {
  return file.metadata().contains("tamp_calibration");
}

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

/// Reads the column norms of any complete calibration that has them, whatever else it has. Its host
/// is not at hand, so that it is known by the names of its layers alone.
class calibrated_norms {
 public:
  explicit calibrated_norms(const std::filesystem::path& path)
      : name_(path.string()), file_(path, "tamp_calibration", calibration_version, "calibration") {}

  named_norms read() {
    const std::size_t blocks = file_.count("blocks"), done = file_.count("blocks_done");
    if (done != blocks)
      file_.refuse("has seen ", done, " of ", blocks, " blocks: calibrate to the end first");
    if (const auto [place, is_pairwise] = find(); is_pairwise)
      return read<stat::pairwise<stat::column_norm>>(place);
    else
      return read<stat::column_norm>(place);
  }

 private:
  // The place of the column norms among the statistics, and their form.
  std::pair<std::size_t, bool> find() const {
    std::string_view left = file_.metadata("statistics");
    for (std::size_t place = 0;; ++place) {
      const std::size_t comma = left.find(", ");
      const std::string_view label = left.substr(0, comma);
      if (label == stat::column_norm::label()) return {place, false};
      if (label == stat::pairwise<stat::column_norm>().label()) return {place, true};
      if (comma == left.npos) break;
      left.remove_prefix(comma + 2);
    }
    file_.refuse("holds the statistics ", tamp::detail::shown(file_.metadata("statistics")),
                 ", and no column_norm");
  }

  template <class Statistic>
  named_norms read(std::size_t place) {
    if (!file_.has("layers"))
      file_.refuse("was written without the names of its layers, which later versions write");
    const calibrated_layers layers(
        tamp::detail::parse_object(file_.metadata("layers"), 2, name_, "the metadata 'layers'"),
        name_);
    named_norms all(name_);
    std::vector<stat::column_norm> kept;
    for (std::size_t k = 0; k < layers.names.size(); ++k) {
      const bool keeps = layers.inputs[k] == k;
      kept.push_back(keeps ? read_layer<Statistic>(k, place) : stat::column_norm());
      const stat::column_norm& seen = kept[layers.inputs[k]];
      if (seen.features() != 0) all.add(layers.names[k], norms_per_token(seen), seen.tokens());
    }
    return all;
  }

  static std::vector<float> norms_per_token(const stat::column_norm& seen) {
    std::vector<float> norms;
    const auto tokens = static_cast<double>((std::max)(seen.tokens(), std::uint64_t{1}));
    for (const double sum : seen.sum_of_squares())
      norms.push_back(static_cast<float>(std::sqrt(sum / tokens)));
    return norms;
  }

  template <class Statistic>
  stat::column_norm read_layer(std::size_t layer, std::size_t place) {
    Statistic seen;
    Statistic::fields(seen, [&](std::string_view field, auto& value) {
      file_.read(tamp::detail::sentence("layer.", layer, '.', place, '.', field), value);
    });
    seen.validate();
    if constexpr (requires { seen.total(); })
      return seen.total();
    else
      return seen;
  }

  std::string name_;
  fields_reader file_;
};

}  // namespace tamp::inline TAMP_FLAGS::io::detail
