#include <tamp/score/detail/scored_rows.hpp>
#include <tamp/score/wanda.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <tuple>
#include <type_traits>

BOOST_AUTO_TEST_SUITE(score_wanda)

using tamp::score::wanda;

BOOST_AUTO_TEST_CASE(by_hand) {
  const float norm[4] = {2, 10, 1, 0};
  const float weight[2][4] = {{-3, 0.5f, 0, 2}, {1, -0.25f, 8, -8}};
  const float expected[2][4] = {{6, 5, 0, 0}, {2, 2.5f, 8, 0}};
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 4; ++j) BOOST_TEST(wanda{}(weight[i][j], norm[j]) == expected[i][j]);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(it_scores_in_the_type_of_the_weight, T,
                              decltype(std::tuple<float, double>{})) {
  static_assert(std::is_same_v<decltype(wanda{}(T{}, 1.0f)), T>);
  static_assert(noexcept(wanda{}(T{}, 1.0f)));
  BOOST_TEST(wanda{}(T(-1.5), 3.0f) == T(4.5));
  BOOST_TEST(!std::signbit(wanda{}(T(-0.0), 3.0f)));
}

BOOST_AUTO_TEST_CASE(finite_numbers_never_give_nan) {
  using limits = std::numeric_limits<float>;
  for (const float weight : {0.0f, limits::denorm_min(), 1.0f, limits::max()})
    for (const float norm : {0.0f, limits::denorm_min(), 1.0f, limits::max()})
      BOOST_TEST(!std::isnan(wanda{}(-weight, norm)));
  BOOST_TEST(wanda{}(-limits::max(), limits::max()) == limits::infinity());
  BOOST_TEST(wanda{}(limits::max(), 0.0f) == 0.0f);
}

BOOST_AUTO_TEST_CASE(a_norm_of_one_makes_it_the_magnitude) {
  std::mt19937 random(1);
  std::normal_distribution<float> number;
  for (int k = 0; k < 100; ++k) {
    const float weight = number(random);
    BOOST_TEST(wanda{}(weight, 1.0f) == std::abs(weight));
  }
}

BOOST_AUTO_TEST_CASE(it_needs_column_norms) {
  static_assert(tamp::policy<wanda, tamp::role::score>);
  static_assert(std::is_same_v<tamp::detail::needed_statistic_of<wanda>, tamp::stat::column_norm>);
  BOOST_TEST(tamp::label(wanda{}) == "wanda");
  BOOST_TEST((wanda{} == wanda{}));
}

BOOST_AUTO_TEST_SUITE_END()
