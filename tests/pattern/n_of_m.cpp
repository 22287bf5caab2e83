#include <tamp/pattern/n_of_m.hpp>

#include <tamp/prune/select.hpp>
#include <tamp/score/magnitude.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "../support/by_sorting.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(pattern_n_of_m)

using support::infinity;
using support::matrix;
using tamp::mask::bitmask;
using tamp::pattern::n_of_m;

namespace {

template <std::size_t N, std::size_t M>
struct pattern {
  static constexpr std::size_t n = N, m = M;
  using policy = n_of_m<N, M>;
};
using patterns = std::tuple<pattern<1, 2>, pattern<2, 4>, pattern<4, 8>, pattern<1, 4>,
                            pattern<3, 5>, pattern<7, 9>, pattern<31, 32>, pattern<1, 32>>;

constexpr std::size_t widths[] = {1, 2, 3, 5, 31, 32, 33, 63, 64, 65, 96, 127, 128, 130, 193};

template <class Policy, class Weight>
bitmask by_magnitude(const Weight& weight,
                     const support::any_executor& exec = support::one_thread) {
  return tamp::select(exec, weight, tamp::compose(tamp::score::magnitude{}, Policy{}));
}

// The mask of one row of scores, as text.
template <class Policy, class Score>
std::string row(const std::vector<Score>& scores) {
  bitmask keep(1, scores.size());
  typename Policy::template row_selector<Score>(scores.size(), 0.0)(scores, keep.row(0));
  std::ostringstream out;
  out << keep;
  return out.str();
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const matrix<float> weight{{4, -1, 2, -3}, {0.5f, -8, -7, 3}};
  std::ostringstream out;
  out << by_magnitude<n_of_m<2, 4>>(weight) << by_magnitude<n_of_m<1, 2>>(weight)
      << by_magnitude<n_of_m<1, 4>>(weight) << by_magnitude<n_of_m<3, 4>>(weight);
  BOOST_TEST(out.str() ==
             "#..#\n.##.\n"
             "#..#\n.##.\n"
             "#...\n.#..\n"
             "#.##\n.###\n");
}

BOOST_AUTO_TEST_CASE(n_is_what_stays) {
  BOOST_TEST((row<n_of_m<1, 4>, float>({1, 2, 3, 4}) == "...#\n"));
  BOOST_TEST((row<n_of_m<3, 4>, float>({1, 2, 3, 4}) == ".###\n"));
  static_assert(n_of_m<1, 4>::sparsity == 0.75);
  static_assert(n_of_m<3, 4>::sparsity == 0.25);
}

BOOST_AUTO_TEST_CASE(a_rest_keeps_its_share_rounded_up) {
  using two_of_four = n_of_m<2, 4>;
  BOOST_TEST((row<two_of_four, float>({1, 2, 3, 4, 1}) == "..###\n"));          // ceil(2 / 4)
  BOOST_TEST((row<two_of_four, float>({1, 2, 3, 4, 2, 1}) == "..###.\n"));      // ceil(4 / 4)
  BOOST_TEST((row<two_of_four, float>({1, 2, 3, 4, 3, 1, 2}) == "..###.#\n"));  // ceil(6 / 4)
  BOOST_TEST((row<n_of_m<3, 5>, float>({3, 1}) == "##\n"));                     // ceil(6 / 5)
  BOOST_TEST((row<n_of_m<1, 32>, float>({3, 1}) == "#.\n"));
}

BOOST_AUTO_TEST_CASE(a_rest_of_two_keeps_one_where_the_published_code_drops_both) {
  BOOST_TEST((row<n_of_m<2, 4>, float>({1, 2, 3, 4, 5, 6}) == "..##.#\n"));
}

BOOST_AUTO_TEST_CASE(of_equal_scores_the_leftmost_go) {
  BOOST_TEST((row<n_of_m<2, 4>, float>({7, 7, 7, 7}) == "..##\n"));
  BOOST_TEST((row<n_of_m<1, 4>, float>({7, 7, 7, 7, 7, 7}) == "...#.#\n"));
  BOOST_TEST((row<n_of_m<2, 4>, float>({0.0f, -0.0f, 0.0f, -0.0f}) == "..##\n"));
  BOOST_TEST((row<n_of_m<2, 4>, float>({-0.0f, 0.0f, -0.0f, 0.0f}) == "..##\n"));
  BOOST_TEST((row<n_of_m<2, 4>, float>({9, 1, 1, 1}) == "#..#\n"));
}

BOOST_AUTO_TEST_CASE(every_number_but_nan_is_a_score) {
  BOOST_TEST((row<n_of_m<2, 4>, float>({infinity, 1, -infinity, 0}) == "##..\n"));
  BOOST_TEST((row<n_of_m<2, 4>, float>({infinity, infinity, infinity, 5}) == ".##.\n"));
  BOOST_TEST((row<n_of_m<2, 4>, float>({1e-45f, 0, 2e-45f, -1}) == "#.#.\n"));
  BOOST_TEST((row<n_of_m<1, 2>, double>({1, 1 + 4e-16}) == ".#\n"));
}

BOOST_AUTO_TEST_CASE(no_row_no_column) {
  BOOST_TEST((by_magnitude<n_of_m<2, 4>>(matrix<float>(0, 5)) == bitmask(0, 5)));
  BOOST_TEST((by_magnitude<n_of_m<2, 4>>(matrix<float>(5, 0)) == bitmask(5, 0)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_group_keeps_the_exact_number, Pattern, patterns) {
  constexpr std::size_t n = Pattern::n, m = Pattern::m;
  for (const std::size_t cols : widths) {
    const auto keep = by_magnitude<typename Pattern::policy>(support::matrix_of_ties(3, cols, 1));
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < cols; j += m) {
        const std::size_t width = std::min(m, cols - j);
        std::size_t kept = 0;
        for (std::size_t k = 0; k < width; ++k) kept += keep(i, j + k);
        BOOST_TEST(kept == (width == m ? n : (n * width + m - 1) / m));
      }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(it_is_what_sorting_gives, Pattern, patterns) {
  for (unsigned seed = 0; seed < 4; ++seed)
    for (const std::size_t cols : widths)
      for (const auto& weight :
           {support::random_matrix(4, cols, seed), support::matrix_of_ties(4, cols, seed)})
        BOOST_TEST(by_magnitude<typename Pattern::policy>(weight) ==
                   support::n_of_m_by_sorting(support::magnitudes(weight), Pattern::n, Pattern::m));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(its_sparsity_is_known_beforehand, Pattern, patterns) {
  constexpr double sparsity = Pattern::policy::sparsity;
  BOOST_TEST(sparsity == 1.0 - double(Pattern::n) / double(Pattern::m));
  // Exactly reached where the groups come out even.
  const auto keep =
      by_magnitude<typename Pattern::policy>(support::random_matrix(2, 5 * Pattern::m, 1));
  BOOST_TEST(keep.count() == 10 * Pattern::n);
}

BOOST_AUTO_TEST_CASE(scaling_a_group_changes_nothing) {
  const auto weight = support::random_matrix(6, 80, 4);
  auto scaled = weight;
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 80; ++j)
      scaled(i, j) *= static_cast<float>(1 << (j / 4 % 20)) * (i % 2 == 0 ? 1.0f : -0.5f);
  BOOST_TEST((by_magnitude<n_of_m<2, 4>>(weight) == by_magnitude<n_of_m<2, 4>>(scaled)));
}

BOOST_AUTO_TEST_CASE(what_one_of_four_keeps_two_of_four_keeps_too) {
  const auto weight = support::matrix_of_ties(6, 81, 5);
  const auto one = by_magnitude<n_of_m<1, 4>>(weight), two = by_magnitude<n_of_m<2, 4>>(weight),
             three = by_magnitude<n_of_m<3, 4>>(weight);
  BOOST_TEST((one & two) == one);
  BOOST_TEST((two & three) == two);
}

BOOST_AUTO_TEST_CASE(threads_make_no_difference) {
  const auto weight = support::matrix_of_ties(33, 70, 6);
  for (const auto& exec : support::every_executor)
    BOOST_TEST((by_magnitude<n_of_m<3, 5>>(weight, exec) ==
                support::n_of_m_by_sorting(support::magnitudes(weight), 3, 5)));
}

BOOST_AUTO_TEST_CASE(its_label) {
  static_assert(tamp::policy<n_of_m<2, 4>, tamp::role::pattern>);
  BOOST_TEST(tamp::label(n_of_m<2, 4>{}) == "2:4");
  BOOST_TEST((n_of_m<2, 4>{} == n_of_m<2, 4>{}));
}

BOOST_AUTO_TEST_SUITE_END()
