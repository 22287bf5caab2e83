#pragma once

// Cases "sparse_swaps" and "dsnot": masks with the same counts and less error.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <tamp/refine/dsnot.hpp>
#include <tamp/refine/layer_error.hpp>
#include <tamp/refine/swaps.hpp>
#include <tamp/tamp.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

// A mask that is stored as one byte for each weight.
inline tamp::mask::bitmask mask_of(const safetensors_file& file, const std::string& name,
                                   std::size_t rows, std::size_t cols) {
  return tamp::mask::bitmask::from(
      tamp::matrix_view<const std::uint8_t>(file.values<std::uint8_t>(name), rows, cols));
}

// The two numbers of a tensor, which need not be aligned.
inline std::vector<double> errors_of(const safetensors_file& file, const std::string& name) {
  std::vector<double> numbers(2);
  const auto bytes = file.at(name).bytes;
  if (bytes.size() == sizeof(double) * numbers.size())
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

inline void check_sparse_swaps(const std::string& path, const safetensors_file& file,
                               tally& results) {
  const auto weight = file.matrix<float>("in.weight");
  const auto gram = file.matrix<double>("in.gram");
  const auto keep = mask_of(file, "in.keep", weight.rows(), weight.cols());
  const std::size_t group = std::stoul(file.metadata().at("m"));
  for (const auto& tensor : file.tensors()) {
    const auto key = split(tensor.name, 3);
    if (key.size() != 3 || key[0] != "out" || key[1] != "keep") continue;
    const tamp::refine::swaps swaps{std::stoul(key[2])};
    if (group != 0 && group != 4) {
      results.add(path, outcome::skipped, "sparse_swaps: groups of " + std::to_string(group));
      continue;
    }
    const auto refined = group == 4 ? swaps(weight, keep, gram, tamp::pattern::n_of_m<2, 4>{})
                                    : swaps(weight, keep, gram);
    const auto expected = mask_of(file, tensor.name, weight.rows(), weight.cols());
    results.verdict(path + " " + tensor.name,
                    refined.keep == expected ? "" : "other weights are swapped");
    const std::vector<double> ours{refined.error.before, refined.error.after};
    const std::string name = "out.error." + key[2];
    results.verdict(path + " " + name, compare(ours, errors_of(file, name), 1e-10));
    const std::vector<double> again{tamp::refine::layer_error(weight, keep, gram),
                                    tamp::refine::layer_error(weight, refined.keep, gram)};
    results.verdict(path + " layer_error." + key[2], compare(again, errors_of(file, name), 1e-10));
  }
}

inline void check_dsnot(const std::string& path, const safetensors_file& file, tally& results) {
  const auto weight = file.matrix<float>("in.weight");
  const auto scores = file.matrix<float>("in.score");
  const auto keep = mask_of(file, "in.keep", weight.rows(), weight.cols());
  const auto inputs = file.values<float>("in.input");
  const std::size_t cols = weight.cols(), samples = 3, tokens = inputs.size() / cols / samples;
  tamp::stat::sequence_moments moments;
  for (std::size_t s = 0; s < samples; ++s)
    moments.add(
        tamp::view(std::span(inputs).subspan(s * tokens * cols, tokens * cols), tokens, cols));
  // A sum over tokens may cancel: its error is one of the numbers that are added up.
  const auto sums = moments.sums(), variances = moments.variances();
  const auto golden_sums = file.values<double>("in.input_sum");
  std::string complaint;
  for (std::size_t j = 0; j < cols; ++j)
    if (!(std::abs(sums[j] - golden_sums[j]) <=
          1e-12 * (std::abs(golden_sums[j]) + static_cast<double>(tokens) * variances[j])))
      complaint = "another sum of inputs";
  results.verdict(path + " in.input_sum", complaint);
  results.verdict(path + " in.variance",
                  compare(variances, file.values<double>("in.variance"), 1e-10));
  for (const auto& tensor : file.tensors()) {
    const auto key = split(tensor.name, 3);
    if (key.size() != 3 || key[0] != "out" || key[1] != "keep") continue;
    const bool same_sign = key[2].starts_with("same_sign.");
    const tamp::refine::dsnot dsnot{.cycles = std::stoul(same_sign ? key[2].substr(10) : key[2]),
                                    .threshold = std::stod(file.metadata().at("threshold")),
                                    .power = std::stod(file.metadata().at("power")),
                                    .same_sign = same_sign};
    const auto golden = mask_of(file, tensor.name, weight.rows(), weight.cols());
    results.verdict(path + " " + tensor.name, dsnot(weight, keep, moments, scores) == golden
                                                  ? ""
                                                  : "other weights are swapped");
  }
}

}  // namespace golden
