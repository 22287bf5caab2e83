#pragma once

// Case "sparsegpt": chosen and repaired weights of one layer.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

inline void check_sparsegpt(const std::string& path, const safetensors_file& file, tally& results) {
  const auto weight = file.matrix<double>("in.weight");
  const auto hessian = file.matrix<double>("in.hessian");
  tamp::stat::gram gram;
  gram.add(file.matrix<double>("in.input"));
  std::string complaint;
  for (std::size_t i = 0; i < hessian.rows(); ++i)
    for (std::size_t j = 0; j < hessian.cols(); ++j)
      if (std::abs(2 * gram.matrix()(i, j) - hessian(i, j)) >
          1e-10 * std::sqrt(hessian(i, i) * hessian(j, j)))
        complaint = "another Hessian";
  results.verdict(path + " in.hessian", complaint);

  // The same weights are zero, and the others agree: 1e-10 of the largest.
  const auto check = [&](const std::string& name, const auto& recipe) {
    const auto expected = file.matrix<double>(name);
    std::vector<double> copy(weight.data(), weight.data() + weight.size());
    const auto pruned = tamp::prune(tamp::view(copy, weight.rows(), weight.cols()), gram, recipe);
    double largest = 0, apart = 0;
    std::size_t others = 0, dead = 0;
    for (std::size_t k = 0; k < copy.size(); ++k) {
      largest = (std::max)(largest, std::abs(expected.data()[k]));
      apart = (std::max)(apart, std::abs(copy[k] - expected.data()[k]));
      others += (copy[k] == 0) != (expected.data()[k] == 0);
      dead += copy[k] == 0;
    }
    results.verdict(path + " " + name, others != 0               ? "other weights are dropped"
                                       : apart > 1e-10 * largest ? "other weights stay"
                                       : dead < pruned.size - pruned.kept
                                           ? "some that were dropped are not zero"
                                           : "");
  };
  const tamp::score::sparsegpt score{
      static_cast<std::size_t>(std::stoul(file.metadata().at("blocksize"))),
      std::stod(file.metadata().at("damp"))};
  for (const auto& tensor : file.tensors()) {
    const std::string& name = tensor.name;
    if (!name.starts_with("out.")) continue;
    const auto key = split(name, 3);
    if (key.size() == 3 && key[1] == "unstructured")
      check(name, tamp::compose(score, tamp::pattern::per_tensor{},
                                tamp::allocate::uniform{std::stod(key[2])}));
    else if (name == "out.2:4")
      check(name, tamp::compose(score, tamp::pattern::n_of_m<2, 4>{}));
    else
      results.add(path, outcome::skipped, "sparsegpt: " + name + " is not in the library");
  }
}

}  // namespace golden
