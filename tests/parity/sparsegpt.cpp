// SparseGPT's repaired weights, to 1e-4 of the largest of a weight: published in float.

#include <tamp/score/sparsegpt.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/prune/prune.hpp>
#include <tamp/stat/gram.hpp>
#include <vector>

#include "weights.hpp"

BOOST_AUTO_TEST_SUITE(parity_sparsegpt)

namespace {

template <class Recipe>
std::vector<float> pruned(const parity::example& given, const Recipe& recipe) {
  const auto weight = given.matrix("weight");
  std::vector<float> copy(weight.data(), weight.data() + weight.size());
  tamp::prune(tamp::view(copy, weight.rows(), weight.cols()),
              parity::observed<tamp::stat::gram>(given), recipe);
  return copy;
}

bool agree(const std::vector<float>& ours, std::span<const float> published) {
  float largest = 0, apart = 0;
  for (std::size_t k = 0; k < ours.size(); ++k) {
    if ((ours[k] == 0) != (published[k] == 0)) return false;
    largest = std::max(largest, std::fabs(published[k]));
    apart = std::max(apart, std::fabs(ours[k] - published[k]));
  }
  return apart <= 1e-4f * largest;
}

std::size_t zeros(std::span<const float> weights) {
  return std::size_t(std::count(weights.begin(), weights.end(), 0.0f));
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_published_repairs) {
  parity::vectors all("sparsegpt");
  for (std::size_t k = 0; k < all.inputs(); ++k) {
    const auto given = all[k];
    BOOST_TEST_CONTEXT("input " << k) {
      const auto weight = given.matrix("weight");
      const auto published = given.values<float>("published_weight");
      const tamp::score::sparsegpt score{given.count("blocksize"), given.number("damping")};
      if (!given.has("sparsity")) {
        parity::with_n_of_m(given, score, [&](const auto& recipe) {
          if (weight.cols() % given.count("of_m") == 0) {
            BOOST_TEST(agree(pruned(given, recipe), published));
            return all.equal();
          }
          // All but the last group, which drops more.
          const std::vector<float> ours = pruned(given, recipe);
          const std::size_t whole = weight.cols() - weight.cols() % given.count("of_m");
          for (std::size_t i = 0; i < weight.rows(); ++i) {
            const auto row = [&](std::size_t begin, std::size_t end) {
              return std::pair(std::vector(ours.begin() + long(i * weight.cols() + begin),
                                           ours.begin() + long(i * weight.cols() + end)),
                               published.subspan(i * weight.cols() + begin, end - begin));
            };
            const auto [first, first_published] = row(0, whole);
            BOOST_TEST(agree(first, first_published));
            const auto [last, last_published] = row(whole, weight.cols());
            BOOST_TEST(zeros(last_published) == given.count("of_m") - given.count("keep_n"));
            BOOST_TEST(zeros(last) < zeros(last_published));
          }
          all.differs(parity::last_group);
        });
        continue;
      }
      // The published code drops floor(n s) + 1 of each block of n weights. Sparsities for which
      // ours drops as many give the same weights.
      const double sparsity = given.number("sparsity");
      const auto recipe = [&](double some) {
        return tamp::compose(score, tamp::pattern::per_tensor{}, tamp::allocate::uniform{some});
      };
      std::size_t wanted = 0, expected = 0;
      double low = 0, high = 1;
      for (std::size_t begin = 0; begin < weight.cols(); begin += score.blocksize) {
        const std::size_t n = weight.rows() * std::min(score.blocksize, weight.cols() - begin);
        const std::size_t drop = tamp::detail::drop_count(n, sparsity);
        wanted += drop;
        expected += drop + 1;
        low = std::max(low, double(drop + 1) / double(n));
        high = std::min(high, double(drop + 2) / double(n));
      }
      BOOST_REQUIRE(low < high);
      BOOST_TEST(agree(pruned(given, recipe(low + (high - low) / 2)), published));
      BOOST_TEST(zeros(published) >= expected);
      const std::vector<float> ours = pruned(given, recipe(sparsity));
      BOOST_TEST(zeros(ours) >= wanted);
      BOOST_TEST(zeros(ours) < zeros(published));
      all.differs("drops floor(n s) + 1 of each block of n weights");
    }
  }
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
