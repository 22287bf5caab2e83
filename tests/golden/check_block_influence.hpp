#pragma once

// Case "block_influence": how far blocks turn the residual stream, and which of them turn it least.

#include <cstddef>
#include <cstdint>
#include <string>
#include <tamp/stat/hidden_change.hpp>
#include <tamp/structure/lowest_units.hpp>
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

  const std::string drop = "out.drop.";
  for (const auto& tensor : file.tensors()) {
    if (!tensor.name.starts_with(drop)) continue;
    const std::size_t count = std::stoul(tensor.name.substr(drop.size()));
    const auto least = tamp::structure::lowest_units(influence, count);
    results.verdict(path + ' ' + tensor.name,
                    compare(least, file.values<std::int64_t>(tensor.name), 0));
  }
}

}  // namespace golden
