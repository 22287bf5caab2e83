#include <tamp/token/detail/density_peaks.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_density_peaks)

using indices = std::vector<std::size_t>;
using support::matrix;
using tamp::detail::density_peaks;

namespace {

indices all_of(std::size_t rows) {
  indices chosen(rows);
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  return chosen;
}

// The docstring's rule with densities as they are written, for small distances. Two rows that are
// each other's nearest have the same density with two clusters, and all rows have it with one.
std::pair<indices, indices> by_definition(const matrix<float>& rows, std::size_t count) {
  const std::size_t n = rows.rows();
  const auto d = [&](std::size_t i, std::size_t j) {
    double squared = 0;
    for (std::size_t k = 0; k < rows.cols(); ++k)
      squared += std::pow(double(rows(i, k)) - double(rows(j, k)), 2);
    return std::sqrt(squared / double(rows.cols()));
  };
  std::vector<double> density, score;
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<double> near;
    for (std::size_t j = 0; j < n; ++j) near.push_back(d(i, j));
    std::sort(near.begin(), near.end());
    largest = std::max(largest, near.back());
    double sum = 0;
    for (std::size_t k = 0; k < count; ++k) sum += near[k] * near[k];
    density.push_back(std::exp(-sum / double(count)));
  }
  for (std::size_t i = 0; i < n; ++i) {
    double nearest = largest;
    for (std::size_t j = 0; j < n; ++j)
      if (density[j] > density[i] || (density[j] == density[i] && j < i))
        nearest = std::min(nearest, d(i, j));
    score.push_back(nearest * density[i]);
  }
  indices centres = all_of(n), cluster;
  std::sort(centres.begin(), centres.end(), [&](std::size_t i, std::size_t j) {
    return score[i] > score[j] || (score[i] == score[j] && i < j);
  });
  centres.resize(count);
  for (std::size_t i = 0; i < n; ++i) {
    const auto nearer = [&](std::size_t a, std::size_t b) { return d(i, a) < d(i, b); };
    cluster.push_back(
        std::size_t(std::min_element(centres.begin(), centres.end(), nearer) - centres.begin()));
  }
  return {centres, cluster};
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Two neighbours each, itself one of them: 0, 1 and 2 are in the middle of each other, and so are
  // 3 and 4. Densities: exp(-1/2) of 1 (and 0, 2), exp(-4/2) of 3 and 4. Token 0 is the first of
  // the densest; from the others to a denser one it is 1, 2 (1 comes before 2), 7 and 2.
  const matrix<float> rows{{0}, {1}, {2}, {9}, {11}};
  const auto made = density_peaks(tamp::view(rows), all_of(5), 2);
  BOOST_TEST(made.centres == (indices{0, 3}), boost::test_tools::per_element());
  BOOST_TEST(made.cluster == (indices{0, 0, 0, 1, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 8; ++seed) {
    const auto rows = support::random_matrix(23, 5, seed);
    for (const std::size_t count : {1u, 2u, 5u, 22u}) {
      const auto made = density_peaks(tamp::view(rows), all_of(23), count);
      const auto [centres, cluster] = by_definition(rows, count);
      BOOST_TEST(made.centres == centres, boost::test_tools::per_element());
      BOOST_TEST(made.cluster == cluster, boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(of_equal_rows_the_first_are_centres) {
  const matrix<float> rows(6, 3, 1.5f);
  const auto made = density_peaks(tamp::view(rows), all_of(6), 4);
  BOOST_TEST(made.centres == (indices{0, 1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(made.cluster == (indices{0, 1, 2, 3, 0, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_of_as_many_clusters_as_rows_is_a_row) {
  const auto rows = support::random_matrix(7, 3, 1);
  const auto made = density_peaks(tamp::view(rows), all_of(7), 7);
  for (std::size_t i = 0; i < 7; ++i) BOOST_TEST(made.centres[made.cluster[i]] == i);
}

BOOST_AUTO_TEST_CASE(only_the_chosen_rows_are_read_in_any_layout) {
  auto rows = support::random_matrix(12, 4, 3);
  for (std::size_t k = 0; k < 4; ++k) rows(5, k) = support::not_a_number;
  const indices chosen{0, 2, 3, 6, 7, 8, 11};
  const auto expected = density_peaks(tamp::view(std::as_const(rows)), chosen, 3);
  BOOST_TEST(*std::max_element(expected.centres.begin(), expected.centres.end()) < 7u);
  support::in_every_layout(rows, [&](auto view) {
    const auto made = density_peaks(tamp::matrix_view<const float>{view}, chosen, 3);
    BOOST_TEST(made.centres == expected.centres, boost::test_tools::per_element());
    BOOST_TEST(made.cluster == expected.cluster, boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(densities_that_no_exponential_survives_are_told_apart) {
  matrix<float> rows{{0}, {1}, {2}, {9}, {11}};
  for (std::size_t i = 0; i < 5; ++i) rows(i, 0) *= 1e15f;
  const auto made = density_peaks(tamp::view(rows), all_of(5), 2);
  BOOST_TEST(made.centres == (indices{0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
