#pragma once

// Case "block_influence": how far blocks turn the residual stream, and which of them turn it least.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tamp/compute/layer_ranking.hpp>
#include <tamp/stat/hidden_change.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

inline void check_block_influence(const std::string& path, const safetensors_file& file,
                                  tally& results) {
  // (blocks + 1, tokens, hidden): the stream in front of the first block and after each.
  const auto& shape = file.at("in.hidden").shape;
  const auto values = file.values<float>("in.hidden");
  const std::size_t tokens = shape.at(1), hidden = shape.at(2);
  const auto state = [&](std::size_t k) {
    return tamp::view(values.subspan(k * tokens * hidden, tokens * hidden), tokens, hidden);
  };
  std::vector<double> influence;
  for (std::size_t block = 0; block + 1 < shape.at(0); ++block)
    influence.push_back(
        tamp::stat::hidden_change{}.add(state(block), state(block + 1)).influence());
  // Both sides compute in double.
  results.verdict(path + " out.influence",
                  compare(influence, file.values<double>("out.influence"), 1e-12));

  const std::vector<std::size_t> order = tamp::compute::layer_ranking{.greedy = false}(
      influence.size(),
      [&](std::span<const std::size_t> blocks) { return influence[blocks.front()]; });
  const std::string drop = "out.drop.";
  for (const auto& tensor : file.tensors()) {
    if (!tensor.name.starts_with(drop)) continue;
    const auto count = static_cast<std::ptrdiff_t>(std::stoul(tensor.name.substr(drop.size())));
    std::vector<std::size_t> least(order.begin(), order.begin() + count);
    std::sort(least.begin(), least.end());
    results.verdict(path + ' ' + tensor.name,
                    compare(least, file.values<std::int64_t>(tensor.name), 0));
  }
}

}  // namespace golden
