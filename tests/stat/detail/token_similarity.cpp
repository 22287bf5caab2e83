#include <tamp/stat/detail/token_similarity.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <tamp/element.hpp>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/executors.hpp"
#include "../../support/tensors.hpp"
#include "../../support/weights.hpp"

BOOST_AUTO_TEST_SUITE(stat_detail_token_similarity)

using support::check_error;
using support::matrix;
using tamp::modality;
using tamp::detail::modality_kinds;
using tamp::detail::modality_pairs;
using tamp::detail::pair_index;
using tamp::detail::token_densities;
using tamp::detail::token_similarity;
using enum tamp::modality;

namespace {

using kinds = std::vector<modality>;

template <class Y>
auto similar(const Y& output, const kinds& k = {},
             const support::any_executor& exec = support::one_thread) {
  return token_similarity(exec, tamp::detail::source(output), k, "test");
}

template <class T>
token_densities densities_of(const matrix<T>& output, const kinds& k) {
  return similar(output, k).densities(support::one_thread);
}

double density(const token_densities& d, modality a, modality b) {
  return d.of_pair[pair_index(std::size_t(a), std::size_t(b))];
}

template <class T>
double cosine(const matrix<T>& y, std::size_t s, std::size_t t) {
  double dot = 0, a = 0, b = 0;
  for (std::size_t j = 0; j < y.cols(); ++j) {
    dot += double(y(s, j)) * double(y(t, j));
    a += double(y(s, j)) * double(y(s, j));
    b += double(y(t, j)) * double(y(t, j));
  }
  return dot / std::sqrt(a * b);
}

}  // namespace

BOOST_AUTO_TEST_CASE(cosines_by_hand) {
  const auto s = similar(matrix<float>{{2, 0}, {0, 3}, {-4, 0}, {0, 0}});
  BOOST_TEST(s.tokens() == 4u);
  const std::vector<float> rows[] = {{1, 0, -1, 0}, {0, 1, 0, 0}, {-1, 0, 1, 0}, {0, 0, 0, 0}};
  for (std::size_t t = 0; t < 4; ++t)
    BOOST_TEST(s.row(t) == rows[t], boost::test_tools::per_element());
  BOOST_TEST(s.squared_lengths() == (std::vector<double>{1, 1, 1, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_pair_of_modalities_has_a_place_of_its_own) {
  BOOST_TEST(pair_index(0, 0) == 0u);
  BOOST_TEST(pair_index(1, 0) == 1u);
  BOOST_TEST(pair_index(1, 1) == 2u);
  std::vector<int> places(modality_pairs);
  for (std::size_t a = 0; a < modality_kinds; ++a)
    for (std::size_t b = a; b < modality_kinds; ++b) {
      BOOST_TEST(pair_index(a, b) == pair_index(b, a));
      ++places.at(pair_index(a, b));
    }
  BOOST_TEST(places == std::vector(modality_pairs, 1), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(densities_by_hand) {
  // Within: 1 of the two images; of three texts 0, 0 and -1, of which none is positive. Across: 1,
  // 0, -1 twice.
  const auto d = densities_of(matrix<float>{{1, 0}, {2, 0}, {3, 0}, {0, 4}, {-5, 0}},
                              {image, image, text, text, text});
  BOOST_TEST(density(d, image, image) == 1.0);
  BOOST_TEST(density(d, text, text) == 0.0);
  BOOST_TEST(density(d, image, text) == 0.0);
  BOOST_TEST(d.tokens[std::size_t(text)] == 3.0);
  BOOST_TEST(d.tokens[std::size_t(image)] == 2.0);
  BOOST_TEST(d.tokens[std::size_t(audio)] == 0.0);
  const auto across = densities_of(matrix<float>{{1, 0}, {2, 0}, {0, 4}}, {image, text, text});
  BOOST_TEST(density(across, image, text) == 0.5);
  BOOST_TEST(density(across, text, image) == 0.5);
}

BOOST_AUTO_TEST_CASE(the_mean_is_over_pairs_of_two_modalities_at_least) {
  token_densities d;
  BOOST_TEST(d.mean() == 0.0);
  d.tokens[0] = 4;
  d.of_pair[pair_index(0, 0)] = 0.75;
  BOOST_TEST(d.mean() == 0.25);
  d.tokens[1] = 1;
  d.of_pair[pair_index(0, 1)] = -0.15;
  BOOST_TEST(d.mean() == 0.2, boost::test_tools::tolerance(1e-15));
  d.tokens[7] = 1;  // six pairs
  BOOST_TEST(d.mean() == 0.1, boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(products_have_the_type_in_which_the_outputs_are_read) {
  const auto y = support::random_matrix(5, 3, 1);
  static_assert(std::is_same_v<decltype(similar(y))::real, float>);
  const auto narrow = similar(support::as<tamp::bf16>(y));
  const auto wide = similar(support::as<double>(y));
  static_assert(std::is_same_v<decltype(narrow)::real, float>);
  static_assert(std::is_same_v<decltype(wide)::real, double>);
  BOOST_TEST(std::abs(double(narrow.row(1)[3]) - wide.row(1)[3]) < 0.02);
}

BOOST_AUTO_TEST_CASE(all_pairs_have_their_cosine_in_both_orders) {
  for (const std::size_t tokens : {1u, 2u, 17u, 70u, 150u}) {
    const auto y = support::random_matrix(tokens, 40, unsigned(tokens));
    const auto check = [&](const auto& s, double error) {
      for (std::size_t a = 0; a < tokens; ++a)
        for (std::size_t b = 0; b < tokens; ++b) {
          if (!(std::abs(double(s.row(a)[b]) - cosine(y, a, b)) <= error))
            BOOST_ERROR("tokens " << a << " and " << b << ": " << s.row(a)[b]);
          if (s.row(a)[b] != s.row(b)[a]) BOOST_ERROR("tokens " << a << " and " << b);
        }
    };
    check(similar(y), 1e-6);
    check(similar(support::as<double>(y)), 1e-14);
  }
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_the_executor_or_the_layout) {
  const auto y = support::random_matrix(70, 30, 6);
  kinds k(70, text);
  std::fill(k.begin() + 3, k.begin() + 50, image);
  const auto expected = similar(y, k);
  const auto densities = expected.densities(support::one_thread);
  const auto check = [&](const auto& s, const support::any_executor& exec) {
    for (std::size_t t = 0; t < 70; ++t)
      BOOST_TEST(std::equal(s.row(t).begin(), s.row(t).end(), expected.row(t).begin()));
    BOOST_TEST((s.densities(exec).of_pair == densities.of_pair));
  };
  for (const auto& exec : support::every_executor) check(similar(y, k, exec), exec);
  support::in_every_layout(y, [&](auto view) { check(similar(view, k), support::one_thread); });
  check(similar(support::readable_rows{y}, k), support::one_thread);
}

BOOST_AUTO_TEST_CASE(right_angles_are_not_positive_in_float_either) {
  // (p, q, p + q) (p + q, 0, -p) = 0, but lengths of 1 are not exact.
  for (int p = 1; p < 10; ++p)
    for (int q = 1; q < 10; ++q) {
      const matrix<float> y{{float(p), float(q), float(p + q)}, {float(p + q), 0, float(-p)}};
      BOOST_TEST(similar(y).row(0)[1] <= 0.0f);
      BOOST_TEST(density(densities_of(y, {}), text, text) == 0.0);
    }
}

BOOST_AUTO_TEST_CASE(what_cancels_out_across_modalities_is_as_good_from_floats_as_from_doubles) {
  auto y = support::random_matrix(40, 24, 3);
  kinds k(40, image);
  for (std::size_t t = 0; t < 40; t += 2) {
    for (std::size_t j = 0; j < 24; ++j) y(t + 1, j) = -y(t, j);  // all but cancel out in pairs
    y(t + 1, t % 24) += 1e-3f;
    if (t < 10) k[t] = k[t + 1] = text;
  }
  const double expected = density(densities_of(support::as<double>(y), k), image, text);
  BOOST_TEST(expected != 0.0);
  BOOST_TEST(std::abs(density(densities_of(y, k), image, text) - expected) <=
             1e-9 * std::abs(expected));
}

BOOST_AUTO_TEST_CASE(there_may_be_no_token_and_no_feature) {
  BOOST_TEST(similar(matrix<float>(0, 4)).tokens() == 0u);
  BOOST_TEST(densities_of(matrix<float>(0, 4), {}).mean() == 0.0);
  const auto s = similar(matrix<float>(2, 0), {text, image});
  BOOST_TEST(s.row(1) == std::vector(2, 0.0f), boost::test_tools::per_element());
  BOOST_TEST(s.squared_lengths() == std::vector(2, 0.0), boost::test_tools::per_element());
  BOOST_TEST(density(s.densities(support::one_thread), text, image) == 0.0);
}

BOOST_AUTO_TEST_CASE(outputs_and_modalities_that_cannot_be_used_are_refused) {
  check_error<tamp::shape_error>("test: the modalities cover 1 tokens, the output has 2",
                                 [] { similar(matrix<float>{{1, 2}, {3, 4}}, {text}); });
  check_error<tamp::value_error>("test: token 0 is of modality 8; there are 8", [] {
    similar(matrix<float>{{1, 2}, {3, 4}}, {modality{8}, text});
  });
  for (const auto& exec : support::every_executor) {
    auto y = support::random_matrix(40, 3, 1);
    y(30, 2) = support::infinity;
    y(12, 1) = support::not_a_number;
    check_error<tamp::value_error>("test: the output of token 12, feature 1 is nan",
                                   [&] { similar(y, {}, exec); });
  }
  check_error<tamp::value_error>(
      "test: the output of token 1 is too large for its length to be found",
      [] { similar(matrix<double>{{1, 2}, {1e200, 0}}); });
}

BOOST_AUTO_TEST_CASE(weighted_densities_are_those_of_the_definition) {
  const auto y = support::random_matrix(60, 12, 21);
  const auto weights = support::random_weights(60, 22);
  kinds k(60, text);
  std::fill(k.begin() + 7, k.begin() + 40, image);
  std::fill(k.begin() + 50, k.end(), audio);
  const auto broken = support::broken_where_weight_is_zero(y, weights);
  const token_similarity seen(support::one_thread, tamp::detail::source(broken), k, weights,
                              "test");
  const token_densities found = seen.densities(support::one_thread);
  double sums[modality_pairs] = {}, totals[modality_pairs] = {};
  std::size_t counted = 0;
  for (std::size_t s = 0; s < 60; ++s) {
    counted += weights[s] != 0;
    for (std::size_t t = s + 1; t < 60; ++t) {
      const double weight = weights[s] * weights[t], cos = weight == 0 ? 0.0 : cosine(y, s, t);
      if (weight == 0 || (k[s] == k[t] && cos <= 0)) continue;
      const std::size_t pair = pair_index(std::size_t(k[s]), std::size_t(k[t]));
      sums[pair] += weight * cos;
      totals[pair] += weight;
    }
  }
  BOOST_TEST(seen.tokens() == counted);
  for (std::size_t pair = 0; pair < modality_pairs; ++pair) {
    const double expected = totals[pair] == 0 ? 0.0 : sums[pair] / totals[pair];
    BOOST_TEST(std::abs(found.of_pair[pair] - expected) < 1e-6);
  }
}

BOOST_AUTO_TEST_SUITE_END()
