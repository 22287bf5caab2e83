// RIA's scores, its choice in each row or in the whole weight, and its n:m masks. Scores to 1e-5,
// masks exactly.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <tamp/detail/drop_count.hpp>
#include <tamp/element.hpp>
#include <tamp/execute/sequential.hpp>
#include <tamp/prune/select.hpp>
#include <tamp/score/ria.hpp>
#include <tamp/stat/column_norm.hpp>
#include <vector>

#include "weights.hpp"

BOOST_AUTO_TEST_SUITE(parity_ria)

namespace {

std::vector<float> scores(tamp::matrix_view<const float> weight, const tamp::score::ria& ria,
                          std::span<const float> norms) {
  const auto bound = ria.bind(tamp::execute::sequential{}, weight, norms);
  std::vector<float> all(weight.size());
  for (std::size_t i = 0; i < weight.rows(); ++i)
    bound(i, std::span(&weight(i, 0), weight.cols()),
          std::span(all).subspan(i * weight.cols(), weight.cols()));
  return all;
}

float rounded(float number) { return static_cast<float>(tamp::bf16(number)); }

// The published score of a weight of bf16: sums, shares and their sum are rounded to bf16.
std::vector<float> scores_in_bf16(tamp::matrix_view<const float> weight,
                                  std::span<const float> norms) {
  std::vector<float> rows(weight.rows()), columns(weight.cols()), all;
  for (std::size_t i = 0; i < weight.rows(); ++i)
    for (std::size_t j = 0; j < weight.cols(); ++j) {
      rows[i] += std::fabs(weight(i, j));
      columns[j] += std::fabs(weight(i, j));
    }
  for (std::size_t i = 0; i < weight.rows(); ++i)
    for (std::size_t j = 0; j < weight.cols(); ++j) {
      const float of_column = rounded(std::fabs(weight(i, j)) / rounded(columns[j]));
      const float of_row = rounded(std::fabs(weight(i, j)) / rounded(rows[i]));
      all.push_back(rounded(of_column + of_row) * std::sqrt(norms[j]));
    }
  return all;
}

// The mask of per_row of any scores: the lowest of each row are dropped, of equals the lower column.
parity::kept lowest_of_rows(std::span<const float> scores, std::size_t cols, double sparsity) {
  parity::kept flags(scores.size(), true);
  for (std::size_t begin = 0; begin < scores.size(); begin += cols)
    parity::drop_smallest(flags, scores, begin, begin + cols,
                          tamp::detail::drop_count(cols, sparsity));
  return flags;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_published_masks) {
  parity::vectors all("ria");
  for (std::size_t k = 0; k < all.inputs(); ++k) {
    const auto given = all[k];
    BOOST_TEST_CONTEXT("input " << k) {
      const auto weight = given.matrix("weight");
      const tamp::score::ria ria{given.number("alpha")};
      const auto norms = parity::observed<tamp::stat::column_norm>(given);
      const auto ours = scores(weight, ria, norms.values());
      const auto theirs = given.values<float>("published_score");
      const parity::kept published = parity::published_keep(given);
      const auto mask = [&](const auto& recipe) {
        return parity::flags_of(tamp::select(weight, norms, recipe));
      };

      if (!given.has("sparsity")) {
        parity::check_close(ours, theirs, 1e-5);
        parity::with_n_of_m(given, ria, [&](const auto& recipe) {
          if (mask(recipe) == published) return all.equal();
          BOOST_TEST((parity::drop_more_of_last_group<float>(mask(recipe), ours, weight.cols(),
                                                             given.count("keep_n"),
                                                             given.count("of_m")) == published));
          all.differs(parity::last_group);
        });
        continue;
      }
      const double sparsity = given.number("sparsity");
      const tamp::allocate::uniform uniform{sparsity};
      const std::size_t drop = tamp::detail::drop_count(weight.size(), sparsity);
      const auto per_row = mask(tamp::compose(ria, tamp::pattern::per_row{}, uniform));
      if (given.has("bf16")) {
        const auto in_bf16 = scores_in_bf16(weight, norms.values());
        parity::check_close(in_bf16, theirs, 1e-6);
        BOOST_TEST((lowest_of_rows(in_bf16, weight.cols(), sparsity) == published));
        // The library has the same scores and mask as of the same numbers in float.
        std::vector<tamp::bf16> halves;
        for (const float w : given.values<float>("weight")) halves.push_back(tamp::bf16(w));
        const auto half = tamp::view(halves, weight.rows(), weight.cols());
        BOOST_TEST(
            (parity::flags_of(tamp::select(
                 half, norms, tamp::compose(ria, tamp::pattern::per_row{}, uniform))) == per_row));
        if (per_row == published)
          all.equal();
        else
          all.differs("computes the shares of weights of bf16 in bf16");
        continue;
      }
      bool has_zero_over_zero = false;
      std::vector<float> with_holes = ours;
      for (std::size_t w = 0; w < ours.size(); ++w)
        if (theirs[w] < 0) {  // stands for a published NaN, which sorts behind all numbers
          has_zero_over_zero = true;
          BOOST_TEST(ours[w] == 0);
          with_holes[w] = std::numeric_limits<float>::infinity();
        } else {
          BOOST_TEST(ours[w] == theirs[w], boost::test_tools::tolerance(1e-5f));
        }
      if (given.count("per_row") == 0) {
        const auto tensor = mask(tamp::compose(ria, tamp::pattern::per_tensor{}, uniform));
        BOOST_TEST(std::size_t(std::count(tensor.begin(), tensor.end(), false)) == drop);
        BOOST_TEST((parity::kept_above_threshold<float>(with_holes, drop) == published));
        all.differs(has_zero_over_zero ? "takes 0 / 0 for the largest score" : parity::off_by_one);
      } else if (has_zero_over_zero) {
        BOOST_TEST((lowest_of_rows(with_holes, weight.cols(), sparsity) == published));
        BOOST_TEST((per_row != published));
        all.differs("takes 0 / 0 for the largest score");
      } else {
        BOOST_TEST((per_row == published));
        all.equal();
      }
    }
  }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
