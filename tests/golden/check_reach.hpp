#pragma once

// Case "reach": gains of blocks, and the reach of tokens.

#include <cstddef>
#include <string>
#include <tamp/stat/contribution_gain.hpp>
#include <tamp/stat/token_reach.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

inline void check_reach(const std::string& path, const safetensors_file& file, tally& results) {
  namespace stat = tamp::stat;
  // Both sides compute in double. A gain is rounded to float, once for each block that it passes.
  constexpr double rounding = 0x1.0001p-24;
  const auto layers = std::stoul(file.metadata().at("layers"));
  std::vector<stat::token_gains> gains;
  for (std::size_t l = 0; l < layers; ++l) {
    const std::string in = "in." + std::to_string(l) + ".";
    // (heads, tokens, head_dim): of each head of values, or repeated for all heads.
    const auto& shape = file.at(in + "values").shape;
    const std::size_t heads = shape.at(0), tokens = shape.at(1), width = shape.at(2);
    const auto by_heads = file.values<float>(in + "values");
    std::vector<float> values(by_heads.size());
    for (std::size_t h = 0; h < heads; ++h)
      for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t d = 0; d < width; ++d)
          values[(t * heads + h) * width + d] = by_heads[(h * tokens + t) * width + d];
    const auto attention = file.values<float>(in + "attention");
    gains.push_back(stat::contribution_gain(
        tamp::view(attention, attention.size() / tokens, tokens),
        tamp::view(values, tokens, heads * width), file.matrix<float>(in + "output_projection"),
        file.matrix<float>(in + "residual")));

    const std::string out = "out.gain." + std::to_string(l);
    if (!file.contains(out)) continue;
    std::vector<float> full;
    for (std::size_t i = 0; i < tokens; ++i)
      for (std::size_t j = 0; j < tokens; ++j) full.push_back(gains.back()(i, j));
    results.verdict(path + ' ' + out, compare(full, file.values<double>(out), rounding));
  }
  const std::string read = "in.read.";
  for (const auto& tensor : file.tensors()) {
    if (!tensor.name.starts_with(read)) continue;
    const std::string out = "out." + tensor.name.substr(read.size());
    std::vector<double> all;
    for (const auto& of_block : stat::token_reach(gains, file.values<double>(tensor.name)))
      all.insert(all.end(), of_block.begin(), of_block.end());
    results.verdict(path + ' ' + out,
                    compare(all, file.values<double>(out), static_cast<double>(layers) * rounding));
  }
}

}  // namespace golden
