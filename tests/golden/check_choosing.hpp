#pragma once

// Case "choosing": the tokens that divprune, cdpruner, dart and sparsevlm keep, and the new ones that
// sparsevlm_recycling makes.

#include <cstddef>
#include <cstdint>
#include <string>
#include <tamp/token/cdpruner.hpp>
#include <tamp/token/dart.hpp>
#include <tamp/token/divprune.hpp>
#include <tamp/token/sparsevlm.hpp>
#include <tamp/token/sparsevlm_recycling.hpp>
#include <vector>

#include "selections.hpp"

namespace golden {

// The policy of "PERCENT.FORM.SCALE.TILED.HALVES".
inline tamp::token::cdpruner cdpruner_of(const std::vector<std::string>& key) {
  using tamp::token::relevance_scale;
  return {.theta = std::stod(key[0]) / 100,
          .form = key[1] == "mixed" ? tamp::token::relevance_form::mixed
                                    : tamp::token::relevance_form::exponential,
          .scale = key[2] == "over_group" ? relevance_scale::over_group
                   : key[2] == "as_given" ? relevance_scale::as_given
                                          : relevance_scale::over_all,
          .by_image = key[3] == "1",
          .in_halves = key[4] == "1"};
}

inline void check_choosing(const std::string& path, const safetensors_file& file, tally& results) {
  namespace token = tamp::token;
  std::vector<tamp::modality> sequence;
  for (const std::uint8_t visual : file.values<std::uint8_t>("in.sequence.visual"))
    sequence.push_back(visual != 0 ? tamp::modality::image : tamp::modality::text);
  const auto in_sequence = [&](const std::string& name) {
    const std::string attention = "in.sequence.attention." + name;
    const auto& shape = file.at(attention).shape;  // of the text after the image
    return token::context{.kinds = sequence,
                          .attention = {file.values<float>(attention), shape[0], shape[1], shape[2],
                                        shape[2] - shape[1]},
                          .hidden = file.matrix<float>("in.sequence.hidden." + name),
                          .keys = file.matrix<float>("in.sequence.keys." + name)};
  };
  for (const auto& tensor : file.tensors()) {
    if (!tensor.name.starts_with("out.")) continue;
    const auto key = split(tensor.name, 9);
    const std::string &method = key[1], what = path + " " + tensor.name;
    const auto stay = [&](const token::context& c, const auto& policy) {
      const auto kept = token::select(c, policy, {.keep = std::stoul(key.back())}).kept;
      std::vector<std::size_t> visual;
      for (const std::size_t t : kept)
        if (c.is_visual(t)) visual.push_back(t);
      results.verdict(what, compare(visual, file.values<std::int64_t>(tensor.name), 0));
    };
    if (method == "divprune" || method == "cdpruner") {
      const auto hidden = file.matrix<float>("in.tokens." + key[2]);
      const std::vector<tamp::modality> kinds(hidden.rows(), tamp::modality::image);
      token::context c{.kinds = kinds, .hidden = hidden};
      if (method == "divprune") {
        stay(c, token::divprune{});
        continue;
      }
      const auto tiles = file.values<std::int64_t>("in.tiles." + key[2]);
      const std::vector<std::uint32_t> images(tiles.begin(), tiles.end());
      c.relevance = file.values<float>("in.relevance." + key[2]);
      c.images = images;
      stay(c, cdpruner_of({key.begin() + 3, key.end()}));
    } else if (method == "by_text") {
      stay(in_sequence("random"), token::cdpruner{});
    } else if (method == "dart") {
      stay(in_sequence(key[2]),
           token::dart{.pivots = std::stoul(key[3]), .text_pivots = std::stoul(key[4])});
    } else if (method == "sparsevlm") {
      stay(in_sequence(key[2]), token::sparsevlm{});
    } else if (method == "raters" || method == "rated") {
      const token::context c = in_sequence(key[2]);
      const auto raters = token::sparsevlm::raters(c);
      if (method == "raters") {
        results.verdict(what, compare(raters, file.values<std::int64_t>(tensor.name), 0));
        continue;
      }
      auto scores = token::sparsevlm::scores(c, c.visual(), raters);
      for (double& score : scores)
        score /= static_cast<double>(raters.size() * c.attention.heads());
      results.verdict(what, compare(scores, file.values<double>(tensor.name), 1e-12));
    } else if (method == "recycling" && key[2] == "into") {
      const std::string name = tensor.name.substr(std::string("out.recycling.into.").size());
      const auto numbers = numbers_of(name.substr(key[3].size() + 1));
      token::sparsevlm_recycling policy;
      if (numbers.size() > 1) policy.clusters = numbers[1];
      // No word follows the image: the last token rates, and its attention is the score.
      const auto given = file.matrix<float>("in.recycling.hidden." + key[3]);
      std::vector<tamp::modality> kinds(given.rows(), tamp::modality::image);
      const auto score = file.values<float>("in.recycling.score." + key[3]);
      token::context c{.kinds = kinds,
                       .attention = {score, 1, 1, score.size(), score.size() - 1},
                       .hidden = given};
      check_merged(what, file, method, name, "in.recycling.rows." + key[3], c, policy, numbers[0],
                   results);
    }
  }
}

}  // namespace golden
