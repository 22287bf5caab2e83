#pragma once

// Case "weights": scores and masks of one matrix.

#include <cstdint>
#include <string>
#include <tamp/score/ria.hpp>
#include <tamp/tamp.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

// The weight of a golden file, and what its activations say.
struct weights_case {
  explicit weights_case(const safetensors_file& file)
      : weight(file.matrix<float>("in.weight")), reference_norm(file.values<float>("out.norm")) {
    for (int batch = 0; file.contains("in.input." + std::to_string(batch)); ++batch)
      norms.add(file.matrix<float>("in.input." + std::to_string(batch)));
  }

  // Calls use(recipe) with the recipe of a pattern's name and argument; false if it is unknown.
  template <class Score, class Use>
  static bool with_recipe(Score score, const std::string& pattern, const std::string& argument,
                          Use&& use) {
    using namespace tamp::pattern;
    using tamp::compose;
    if (pattern == "per_row")
      return use(compose(score, per_row{}, tamp::allocate::uniform{std::stod(argument)})), true;
    if (pattern == "per_tensor")
      return use(compose(score, per_tensor{}, tamp::allocate::uniform{std::stod(argument)})), true;
    if (pattern != "n_of_m") return false;
    if (argument == "2:4") return use(compose(score, n_of_m<2, 4>{})), true;
    if (argument == "4:8") return use(compose(score, n_of_m<4, 8>{})), true;
    if (argument == "1:4") return use(compose(score, n_of_m<1, 4>{})), true;
    return false;
  }

  // The reference's mask must come out of its norms and of ours, of either layout of the weight,
  // and pruning must leave exactly its weights.
  template <class Recipe>
  std::string check_mask(const Recipe& recipe, tamp::matrix_view<const std::uint8_t> golden) const {
    const auto expected = tamp::mask::bitmask::from(golden);
    std::vector<float> columns(weight.size());
    const auto column_major = tamp::column_major(columns.data(), weight.rows(), weight.cols());
    for (std::size_t i = 0; i < weight.rows(); ++i)
      for (std::size_t j = 0; j < weight.cols(); ++j) column_major(i, j) = weight(i, j);
    if (tamp::select(weight, reference_norm, recipe) != expected) return "another mask";
    if (tamp::select(weight, norms, recipe) != expected) return "another mask with our own norms";
    if (tamp::select(column_major, norms, recipe) != expected) return "another mask by columns";
    std::vector<float> copy(weight.data(), weight.data() + weight.size());
    const auto pruned = tamp::view(copy, weight.rows(), weight.cols());
    tamp::prune(pruned, norms, recipe);
    for (std::size_t i = 0; i < weight.rows(); ++i)
      for (std::size_t j = 0; j < weight.cols(); ++j)
        if (pruned(i, j) != (expected(i, j) ? weight(i, j) : 0.0f)) return "other pruned weights";
    return {};
  }

  template <class Score>
  std::vector<float> scores(const Score& score) const {
    const auto& bound =
        tamp::detail::bind_score(tamp::execute::sequential{}, weight, score, reference_norm);
    const tamp::detail::scored_rows scored(weight, bound, reference_norm);
    std::vector<float> all;
    scored.for_each_range(tamp::execute::sequential{}, [&](auto&& read, auto begin, auto end) {
      for (std::size_t i = begin; i < end; ++i)
        for (const float score_ij : read(i)) all.push_back(score_ij);
    });
    return all;
  }

  tamp::matrix_view<const float> weight;
  std::span<const float> reference_norm;
  tamp::stat::column_norm norms;
};

inline void check_weights(const std::string& path, const safetensors_file& file, tally& results) {
  const weights_case given(file);
  const auto verdict = [&](const std::string& name, const std::string& complaint) {
    results.verdict(path + " " + name, complaint);
  };
  for (const auto& tensor : file.tensors()) {
    const std::string& name = tensor.name;
    if (!name.starts_with("out.")) continue;
    const auto key = split(name, 5);
    bool known = false;
    const auto check_score = [&](const char* kind, const auto& score, double tolerance) {
      if (key.size() == 3 && key[1] == "score" && key[2] == kind) {
        known = true;
        verdict(name, compare(given.scores(score), file.values<float>(name), tolerance));
      }
      if (key.size() == 5 && key[1] == "keep" && key[2] == kind)
        known = given.with_recipe(score, key[3], key[4], [&](const auto& recipe) {
          verdict(name,
                  given.check_mask(recipe, tamp::view(file.values<std::uint8_t>(name),
                                                      tensor.shape.at(0), tensor.shape.at(1))));
        });
    };
    check_score("magnitude", tamp::score::magnitude{}, 1e-6);
    check_score("wanda", tamp::score::wanda{}, 1e-6);
    check_score("ria", tamp::score::ria{}, 1e-5);
    if (name == "out.norm") {
      known = true;
      verdict(name, compare(given.norms.values(), given.reference_norm, 1e-5));
    }
    if (!known) results.add(path, outcome::skipped, "weights: " + name + " is not in the library");
  }
}

}  // namespace golden
