#include <tamp/score/detail/scored_rows.hpp>
#include <tamp/score/magnitude.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <tuple>
#include <type_traits>

BOOST_AUTO_TEST_SUITE(score_magnitude)

using tamp::score::magnitude;

BOOST_AUTO_TEST_CASE(by_hand) {
  const float weight[2][4] = {{-3, 0.5f, 0, 2}, {1, -0.25f, 8, -8}};
  const float expected[2][4] = {{3, 0.5f, 0, 2}, {1, 0.25f, 8, 8}};
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 4; ++j) BOOST_TEST(magnitude{}(weight[i][j]) == expected[i][j]);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(it_is_the_absolute_value_in_the_type_of_the_weight, T,
                              decltype(std::tuple<float, double>{})) {
  static_assert(std::is_same_v<decltype(magnitude{}(T{})), T>);
  static_assert(noexcept(magnitude{}(T{})));
  using limits = std::numeric_limits<T>;
  BOOST_TEST(magnitude{}(-limits::max()) == limits::max());
  BOOST_TEST(magnitude{}(-limits::denorm_min()) == limits::denorm_min());
  BOOST_TEST(magnitude{}(T(-0.0)) == magnitude{}(T(0)));
  BOOST_TEST(!std::signbit(magnitude{}(T(-0.0))));
}

BOOST_AUTO_TEST_CASE(double_weights_that_float_cannot_tell_apart_score_differently) {
  BOOST_TEST(magnitude{}(-1.0 - 1e-12) > magnitude{}(1.0));
}

BOOST_AUTO_TEST_CASE(it_needs_no_statistic) {
  static_assert(tamp::policy<magnitude, tamp::role::score>);
  static_assert(!tamp::policy<magnitude, tamp::role::pattern>);
  static_assert(!tamp::detail::needs_statistic<magnitude>);
  BOOST_TEST(tamp::label(magnitude{}) == "magnitude");
  BOOST_TEST((magnitude{} == magnitude{}));
}

BOOST_AUTO_TEST_SUITE_END()
