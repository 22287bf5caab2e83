#pragma once

// Case "coverage": the tokens that scope and mmr choose, in their order.

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <tamp/token/mmr.hpp>
#include <tamp/token/scope.hpp>
#include <vector>

#include "selections.hpp"

namespace golden {

inline void check_coverage(const std::string& path, const safetensors_file& file, tally& results) {
  namespace token = tamp::token;
  const auto tokens = file.matrix<float>("in.tokens");
  const auto importance = file.values<float>("in.importance");
  const std::vector<tamp::modality> kinds(tokens.rows(), tamp::modality::image);
  const token::context c{.kinds = kinds, .hidden = tokens, .importance = importance};
  std::vector<std::size_t> all(tokens.rows());
  std::iota(all.begin(), all.end(), std::size_t{0});
  for (const auto& tensor : file.tensors()) {
    const auto key = split(tensor.name, 4);  // out.METHOD.COUNT.PARAMETERS
    if (key[0] != "out") continue;
    const std::string what = path + " " + tensor.name;
    const std::size_t count = std::stoul(key[2]);
    if (key[1] == "scope") {
      const token::scope policy{.alpha = std::stod(key[3])};
      results.verdict(what,
                      compare(policy(c, all, count), file.values<std::int64_t>(tensor.name), 0));
    } else if (key[1] == "mmr") {
      const std::size_t dot = key[3].rfind('.');
      const token::mmr policy{.lambda = std::stod(key[3].substr(0, dot)),
                              .at_once = std::stoul(key[3].substr(dot + 1))};
      results.verdict(what,
                      compare(policy(c, all, count), file.values<std::int64_t>(tensor.name), 0));
    } else {
      results.add(what, outcome::skipped, tensor.name + " is not in the library");
    }
  }
}

}  // namespace golden
