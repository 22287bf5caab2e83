#include <tamp/stat/router_gates.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_router_gates)

using numbers = std::vector<double>;
using places = std::vector<std::int64_t>;
using support::matrix;
using tamp::stat::router_gates;

BOOST_AUTO_TEST_CASE(by_hand) {
  const matrix<double> logits{{0, std::log(2.0), std::log(5.0)}};
  const numbers gates = router_gates(logits, places{1, 2}, false);
  for (const auto& [e, p] : {std::pair(0, 0.125), {1, 0.25}, {2, 0.625}})
    BOOST_TEST(gates[std::size_t(e)] == p, boost::test_tools::tolerance(1e-14));
  // Over the sum of the selected ones, 0.875.
  const numbers again = router_gates(logits, places{1, 2}, true);
  BOOST_TEST(again[1] == 2.0 / 7, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(again[2] == 5.0 / 7, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(renormalised_gates_have_a_lower_bound) {
  const matrix<float> logits{{0, -90}};
  BOOST_TEST(router_gates(logits, places{0}, true)[1] == 0x1p-23);
  BOOST_TEST(router_gates(logits, places{0}, false)[1] < 1e-38);
  // Even where the selected experts have no weight at all.
  BOOST_TEST(router_gates(matrix<float>{{0, -2000}}, places{1}, true)[1] == 0x1p-23);
}

BOOST_AUTO_TEST_CASE(large_logits_do_no_harm) {
  const numbers gates = router_gates(matrix<float>{{1e30f, 1e30f}, {3, 3}}, places{0, 1}, false);
  BOOST_TEST(gates == numbers(4, 0.5), boost::test_tools::per_element());
  BOOST_TEST(router_gates(matrix<float>(0, 4), places{}, false).empty());
  // However many tokens there are.
  BOOST_TEST(router_gates(tamp::matrix_view<const float>(nullptr, std::size_t{1} << 60, 0),
                          places{}, false)
                 .empty());
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  const matrix<float> logits{{0, 1}, {2, 3}};
  support::check_error<tamp::shape_error>("router_gates: 3 selected experts for 2 tokens",
                                          [&] { router_gates(logits, places{0, 1, 0}, false); });
  support::check_error<tamp::shape_error>("router_gates: expert 2 is selected, and there are 2",
                                          [&] { router_gates(logits, places{0, 2}, false); });
  support::check_error<tamp::shape_error>("router_gates: expert -1 is selected, and there are 2",
                                          [&] { router_gates(logits, places{0, -1}, false); });
  support::check_error<tamp::value_error>(
      "router_gates: the logit of token 0, expert 1 is inf",
      [&] { router_gates(matrix<float>{{0, INFINITY}}, places{0}, false); });
}

BOOST_AUTO_TEST_SUITE_END()
