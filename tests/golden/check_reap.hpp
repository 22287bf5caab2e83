#pragma once

// Case "reap": gates of a softmax router, contributions of experts, and which of them to drop.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tamp/stat/expert_contribution.hpp>
#include <tamp/stat/router_gates.hpp>
#include <tamp/structure/experts_to_drop.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

inline void check_reap(const std::string& path, const safetensors_file& file, tally& results) {
  const auto logits = file.matrix<float>("in.logits");
  const auto selected = file.values<std::int64_t>("in.selected");
  const auto outputs = file.values<float>("in.outputs");
  const auto& shape = file.at("in.outputs").shape;  // (experts, tokens, width)
  const std::size_t experts = shape.at(0), tokens = shape.at(1), width = shape.at(2);
  const std::size_t k = selected.size() / tokens;

  const auto contributions = [&](std::span<const double> gates) {
    tamp::stat::expert_contribution seen(experts);
    for (std::size_t e = 0; e < experts; ++e) {
      std::vector<double> of_expert;
      std::vector<float> rows;
      for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t choice = 0; choice < k; ++choice)
          if (selected[t * k + choice] == static_cast<std::int64_t>(e)) {
            of_expert.push_back(gates[t * experts + e]);
            const auto row = outputs.subspan((e * tokens + t) * width, width);
            rows.insert(rows.end(), row.begin(), row.end());
          }
      seen.add(e, of_expert, tamp::view(rows, of_expert.size(), width));
    }
    return seen;
  };
  for (const auto& tensor : file.tensors()) {
    if (!tensor.name.starts_with("out.")) continue;
    const std::string check = path + ' ' + tensor.name;
    const auto parts = split(tensor.name, 5);
    const std::string &what = parts.at(1), &kind = parts.at(2);
    std::vector<double> scores;
    std::vector<std::uint64_t> counts;
    std::vector<double> gates;
    if (kind == "ties") {
      const auto given = file.values<double>("in.ties");
      scores.assign(given.begin(), given.end());
    } else {
      gates = tamp::stat::router_gates(logits, selected, kind == "renormalised");
      const auto seen = contributions(gates);
      scores = seen.scores();
      counts = seen.tokens();
    }
    if (what == "gates") {
      results.verdict(check, compare(gates, file.values<double>(tensor.name), 1e-12));
    } else if (what == "score") {
      results.verdict(check, compare(scores, file.values<double>(tensor.name), 1e-12));
    } else if (what == "drop") {
      tamp::structure::expert_options options;
      const std::string last = parts.size() > 4 ? parts[4] : "";
      const auto rest = split(last, 2);
      options.least = std::stoul(rest.at(0));
      const std::string named = rest.size() > 1 ? rest[1] : "";
      std::vector<std::size_t> keep;
      if (named.starts_with("groups_")) options.groups = std::stoul(named.substr(7));
      if (named.starts_with("protected_")) keep.push_back(std::stoul(named.substr(10)));
      options.keep = keep;
      const auto choice =
          tamp::structure::experts_to_drop(scores, std::stoul(parts.at(3)), options, counts);
      results.verdict(check, compare(choice.drop, file.values<std::int64_t>(tensor.name), 0));
    } else {
      results.add(check, outcome::failed, "an output that is not known");
    }
  }
}

}  // namespace golden
