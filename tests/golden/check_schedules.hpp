#pragma once

// Case "schedules": how many tokens leave where, what that costs, and FitPrune's fit to samples of
// several sizes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tamp/token/dart.hpp>
#include <tamp/token/fitprune_fit.hpp>
#include <tamp/token/relative_schedule.hpp>
#include <tamp/token/schedule.hpp>
#include <tamp/token/sparsevlm_recycling.hpp>
#include <tamp/token/sparsevlm_schedule.hpp>
#include <vector>

#include "selections.hpp"

namespace golden {

// The attention that the samples of one name receive: "in.cross.NAME.SAMPLE" (layers, text, visual)
// and "in.self.NAME.SAMPLE" (layers, visual, visual).
struct recorded_samples {
  const safetensors_file& file;
  std::string name;

  tamp::token::received_attention operator()(std::size_t sample, std::size_t layer,
                                             std::span<const std::size_t> left) const {
    std::vector<std::size_t> words(file.at(tensor("cross", sample)).shape[1]);
    for (std::size_t q = 0; q < words.size(); ++q) words[q] = q;
    return {mean(tensor("cross", sample), layer, words, left),
            mean(tensor("self", sample), layer, left, left)};
  }

 private:
  std::string tensor(const char* part, std::size_t sample) const {
    return std::string("in.") + part + "." + name + "." + std::to_string(sample);
  }
  std::vector<double> mean(const std::string& maps, std::size_t layer,
                           std::span<const std::size_t> queries,
                           std::span<const std::size_t> keys) const {
    const auto& shape = file.at(maps).shape;
    const auto map = file.values<float>(maps).subspan(layer * shape[1] * shape[2]);
    std::vector<double> sums(keys.size());
    for (const std::size_t query : queries)
      for (std::size_t k = 0; k < keys.size(); ++k)
        sums[k] += static_cast<double>(map[query * shape[2] + keys[k]]);
    for (double& sum : sums) sum /= static_cast<double>(queries.size());
    return sums;
  }
};

inline void check_schedules(const std::string& path, const safetensors_file& file, tally& results) {
  namespace token = tamp::token;
  const auto counts_in = [&](const std::string& name) {
    const auto values = file.values<std::int64_t>(name);
    return std::vector<std::size_t>(values.begin(), values.end());
  };
  const auto doubles_in = [&](const std::string& name) {
    const auto values = file.values<double>(name);
    return std::vector<double>(values.begin(), values.end());
  };
  const auto layers = std::stoul(file.metadata().at("layers"));
  const auto small = tamp::block_shape::plain(std::stoul(file.metadata().at("hidden")),
                                              std::stoul(file.metadata().at("ffn")));
  const std::map<std::string, token::departure> places{
      {"after_attention", token::departure::after_attention},
      {"after_layer", token::departure::after_layer},
      {"before_layer", token::departure::before_layer}};
  const auto numbers = counts_in("in.numbers");

  for (const auto& tensor : file.tensors()) {
    if (!tensor.name.starts_with("out.")) continue;
    const auto key = split(tensor.name, 5);
    const std::string &kind = key[1], what = path + " " + tensor.name;
    const auto exactly = [&](const std::vector<std::size_t>& ours) {
      results.verdict(what, compare(ours, file.values<std::int64_t>(tensor.name), 0));
    };
    const auto closely = [&](const std::vector<double>& ours) {
      results.verdict(what, compare(ours, file.values<double>(tensor.name), 1e-12));
    };
    const auto of_each_number = [&](auto&& count) {
      std::vector<std::size_t> ours;
      for (const std::size_t number : numbers) ours.push_back(count(number));
      exactly(ours);
    };
    // The tokens left in front of layers that are two apart.
    const auto stages = [&](const token::schedule& s, std::size_t visual, std::size_t count,
                            std::size_t apart) {
      std::vector<std::size_t> left;
      for (std::size_t k = 1; k <= count; ++k) left.push_back(s.left(visual, apart * k));
      exactly(left);
    };
    if (kind == "pyramid_drop") {
      token::pyramid_drop list{.ratios = doubles_in("in.ratios." + key[2])};
      for (std::size_t k = 1; k <= list.ratios.size(); ++k) list.layers.push_back(2 * k);
      const std::size_t visual = counts_in("in.visual." + key[2])[0], count = list.ratios.size();
      stages(list(2 * count + 1, visual), visual, count, 2);
    } else if (kind == "powers") {
      const std::size_t all = std::stoul(key[3]), visual = std::stoul(key[4]);
      const token::pyramid_drop powers{.ratio = doubles_in("in.ratio." + key[2])[0], .stages = all};
      stages(powers(3 * all, visual), visual, all - 1, 3);
    } else if (kind == "cost") {
      const auto model = counts_in("in.model." + key[2]);  // visual, text, hidden, ffn
      const token::schedule s{counts_in("in.drops." + key[2]), places.at(key[3])};
      closely({s.cost(tamp::block_shape::plain(model[2], model[3]), model[0], model[1])});
    } else if (kind == "whole") {
      std::vector<std::size_t> ours;
      const token::relative_schedule s{
          .drops = doubles_in("in.fractions." + key[2]),
          .rounding = key[3] == "up" ? token::rounding::up : token::rounding::down};
      for (const std::size_t visual : counts_in("in.counts"))
        for (const std::size_t drop : s.for_tokens(visual).drops) ours.push_back(drop);
      exactly(ours);
    } else if (kind == "fit" || kind == "fractions" || kind == "judged" || kind == "fitted") {
      const bool up = key.size() > 4 && key[4] == "up";
      const auto sizes = counts_in("in.sizes." + key[2]);
      const token::fitprune_fit fit{.budget = std::stod(key[3]) / 100,
                                    .shape = small,
                                    .rounding = up ? token::rounding::up : token::rounding::down};
      const auto found = fit(recorded_samples{file, key[2]}, sizes, layers);
      if (kind == "fit") {
        closely({found.alpha, found.cost_before_rounding});
      } else if (kind == "fractions") {
        // The factor of what leaves is the end of 40 halvings on both sides.
        results.verdict(what, compare(found.schedule.drops, file.values<double>(tensor.name),
                                      up ? 1e-11 : 1e-12));
      } else if (kind == "judged") {
        closely({found.cost, found.met ? 1.0 : 0.0});
      } else {
        std::vector<std::size_t> ours;
        for (const std::size_t visual : sizes)
          for (const std::size_t drop : found.schedule.for_tokens(visual).drops)
            ours.push_back(drop);
        exactly(ours);
      }
    } else if (kind.starts_with("sparsevlm_")) {
      const token::sparsevlm_schedule published{.tokens = std::stoul(key[3]),
                                                .version = std::stoi(key[2])};
      if (kind == "sparsevlm_kept") {
        const auto kept = published.kept();
        exactly({kept.begin(), kept.end()});
        continue;
      }
      std::vector<std::size_t> counts;
      for (const std::size_t visual : numbers)
        for (std::size_t k = 0; k < 3; ++k)
          counts.push_back(kind == "sparsevlm_new"
                               ? published.clusters(visual)[k]
                               : published(32, visual).left(visual, published.layers_of_drops[k]));
      exactly(counts);
    } else if (kind == "recycled") {
      of_each_number(token::sparsevlm_recycling::published_recycled);
    } else if (kind == "clusters") {
      of_each_number(token::sparsevlm_recycling::published_clusters);
    } else if (kind == "dart_count") {
      const token::dart dart{.pivots = std::stoul(key[2]), .text_pivots = std::stoul(key[3])};
      of_each_number([&](std::size_t budget) { return dart.published_count(budget); });
    } else {
      results.add(what, outcome::failed, "is not known");
    }
  }
}

}  // namespace golden
