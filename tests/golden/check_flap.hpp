#pragma once

// Case "flap": mean and variance of the input channels, scores of channels and units, the choice
// across the model, and the bias of what was dropped.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tamp/stat/column_variance.hpp>
#include <tamp/stat/published_fluctuation.hpp>
#include <tamp/structure/channel_fluctuation.hpp>
#include <tamp/structure/lowest_units.hpp>
#include <tamp/structure/select_globally.hpp>
#include <tamp/structure/standardised.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

// The model of one file: the layers of each part, and everything that is computed of them.
class flap_model {
 public:
  explicit flap_model(const safetensors_file& file)
      : file_(file), head_dim_(std::stoul(file.metadata().at("head_dim"))) {
    for (const std::string part : {"attention", "ffn"})
      for (std::size_t l = 0; file.contains("in.weight." + part + '.' + std::to_string(l)); ++l)
        layers_.push_back(part + '.' + std::to_string(l));
    for (const std::string& layer : layers_) {
      const bool is_attention = layer.starts_with("attention");
      seen_.push_back(seen(layer));
      scores_.push_back(tamp::structure::channel_fluctuation(
          file.matrix<float>("in.weight." + layer), seen_.back().variances()));
      units_.push_back(tamp::structure::standardised(
          scores_.back(), {.width = is_attention ? head_dim_ : 1, .squared = is_attention}));
      costs_.push_back(is_attention ? 4.0 * static_cast<double>(head_dim_) / 3.0 : 1.0);
    }
  }

  std::size_t place(const std::string& layer) const {
    for (std::size_t k = 0; k < layers_.size(); ++k)
      if (layers_[k] == layer) return k;
    throw tamp::value_error("there is no layer " + layer);
  }
  const tamp::stat::column_variance& statistics(const std::string& layer) const {
    return seen_[place(layer)];
  }
  tamp::stat::published_fluctuation published(const std::string& layer) const {
    return statistics_of<tamp::stat::published_fluctuation>(layer);
  }
  const std::vector<double>& scores(const std::string& layer) const {
    return scores_[place(layer)];
  }
  const std::vector<double>& units(const std::string& layer) const { return units_[place(layer)]; }
  std::vector<std::size_t> kept(const std::string& layer, double sparsity,
                                std::size_t least) const {
    return tamp::structure::select_globally(units_, costs_, sparsity, least)[place(layer)];
  }

 private:
  tamp::stat::column_variance seen(const std::string& layer) const {
    return statistics_of<tamp::stat::column_variance>(layer);
  }
  template <class Statistic>
  Statistic statistics_of(const std::string& layer) const {
    Statistic statistics;
    for (std::size_t k = 0; file_.contains("in.input." + layer + '.' + std::to_string(k)); ++k) {
      const std::string name = "in.input." + layer + '.' + std::to_string(k);
      const auto& shape = file_.at(name).shape;
      statistics.add(tamp::view(file_.values<float>(name), shape.at(0), shape.at(1)));
    }
    return statistics;
  }

  const safetensors_file& file_;
  std::size_t head_dim_;
  std::vector<std::string> layers_;
  std::vector<tamp::stat::column_variance> seen_;
  std::vector<std::vector<double>> scores_, units_;
  std::vector<double> costs_;
};

// "PART.LAYER" at the beginning of a key, and the rest behind the dot.
inline std::string layer_of(const std::string& key, std::string& rest) {
  const std::size_t end = key.find('.', key.find('.') + 1);
  rest = end == key.npos ? "" : key.substr(end + 1);
  return key.substr(0, end);
}

inline void check_flap(const std::string& path, const safetensors_file& file, tally& results) {
  const flap_model model(file);
  for (const auto& tensor : file.tensors()) {
    if (!tensor.name.starts_with("out.")) continue;
    const std::string check = path + ' ' + tensor.name;
    const std::vector<std::string> parts = split(tensor.name, 3);
    const std::string& what = parts.at(1);
    std::string rest;
    if (what == "published") {
      const std::vector<std::string> of = split(parts.at(2), 2);
      const auto statistics = model.published(of.at(1));
      results.verdict(check,
                      compare(of.at(0) == "mean" ? statistics.means() : statistics.fluctuations(),
                              file.values<double>(tensor.name), 1e-12));
      continue;
    }
    const std::string layer = layer_of(parts.at(2), rest);
    // Both sides compute in double.
    if (what == "mean") {
      results.verdict(
          check, compare(model.statistics(layer).means(), file.values<double>(tensor.name), 1e-12));
    } else if (what == "variance") {
      results.verdict(check, compare(model.statistics(layer).variances(),
                                     file.values<double>(tensor.name), 1e-12));
    } else if (what == "score") {
      results.verdict(check, compare(model.scores(layer), file.values<double>(tensor.name), 1e-12));
    } else if (what == "units") {
      // A score near the mean loses digits: the error is relative to those of the layer, about 1.
      const auto golden = file.values<double>(tensor.name);
      std::vector<double> ours, theirs;
      for (std::size_t k = 0; k < golden.size(); ++k) {
        ours.push_back(model.units(layer).at(k) + 16);
        theirs.push_back(golden[k] + 16);
      }
      results.verdict(check, compare(ours, theirs, 1e-12));
    } else if (what == "keep") {
      const std::size_t dot = rest.rfind('.');
      const auto kept =
          model.kept(layer, std::stod(rest.substr(0, dot)), std::stoul(rest.substr(dot + 1)));
      std::vector<std::size_t> golden;
      const auto mask = file.values<std::uint8_t>(tensor.name);
      for (std::size_t k = 0; k < mask.size(); ++k)
        if (mask[k] != 0) golden.push_back(k);
      results.verdict(check, compare(kept, golden, 0));
    } else if (what == "bias") {
      const auto weight = file.matrix<float>("in.weight." + layer);
      const auto bias = tamp::structure::bias_of_dropped(weight, model.statistics(layer).means(),
                                                         model.kept(layer, std::stod(rest), 0));
      const auto golden = file.values<double>(tensor.name);
      double largest = 0;
      for (const double b : golden) largest = std::max(largest, std::abs(b));
      std::vector<double> ours(bias), theirs(golden.begin(), golden.end());
      for (double& b : ours) b += 4 * largest;
      for (double& b : theirs) b += 4 * largest;
      results.verdict(check, compare(ours, theirs, 1e-12));
    } else {
      results.add(check, outcome::failed, "an output that is not known");
    }
  }
}

}  // namespace golden
