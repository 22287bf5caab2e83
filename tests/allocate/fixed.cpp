#include <tamp/allocate/fixed.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <tamp/execute/sequential.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/units.hpp"

BOOST_AUTO_TEST_SUITE(allocate_fixed)

using support::matrix;
using tamp::allocate::fixed;
using tamp::execute::sequential;

namespace {

const auto layers = support::units<>::of_layers({{"0.attn.q", matrix<float>(2, 2)},
                                                 {"0.mlp.up", matrix<float>(4, 2)},
                                                 {"1.attn.q", matrix<float>(2, 2)}});

}  // namespace

BOOST_AUTO_TEST_CASE(a_list_is_taken_as_it_is) {
  const auto answer = fixed{{0.1, 0.0, 1.0}}(sequential{}, layers);
  BOOST_TEST(answer.sparsities == (std::vector{0.1, 0.0, 1.0}), boost::test_tools::per_element());
  BOOST_TEST(answer.notes.empty());
}

BOOST_AUTO_TEST_CASE(the_first_rule_that_fits_counts) {
  const fixed policy{.rules = {{"*.mlp.*", 0.6}, {"0.*", 0.5}, {"*", 0.4}}};
  const auto answer = policy(sequential{}, layers);
  BOOST_TEST(answer.sparsities == (std::vector{0.5, 0.6, 0.4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_unit_of_several_layers_needs_rules_that_agree) {
  support::units<> both{{{"block 0", {layers.all[0].layers[0], layers.all[1].layers[0]}},
                         {"block 1", {layers.all[2].layers[0]}}}};
  const auto answer = fixed{.rules = {{"0.*", 0.5}, {"*", 0.4}}}(sequential{}, both);
  BOOST_TEST(answer.sparsities == (std::vector{0.5, 0.4}), boost::test_tools::per_element());
  support::check_error<tamp::value_error>(
      "fixed: of block 0, 0.attn.q gets 0.4 and 0.mlp.up gets 0.6; a unit has one sparsity",
      [&] { fixed{.rules = {{"*.mlp.*", 0.6}, {"*", 0.4}}}(sequential{}, both); });
}

BOOST_AUTO_TEST_CASE(no_unit_needs_no_number) {
  BOOST_TEST(fixed{}(sequential{}, support::units<>{}).sparsities.empty());
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  support::check_error<tamp::shape_error>("fixed: there are 2 sparsities for 3 units",
                                          [] { fixed{{0.1, 0.2}}(sequential{}, layers); });
  support::check_error<tamp::shape_error>("fixed: there are 0 sparsities for 3 units",
                                          [] { fixed{}(sequential{}, layers); });
  support::check_error<tamp::value_error>(
      "fixed: the sparsity of 0.mlp.up is 1.2, and not in [0, 1]",
      [] { fixed{{0.1, 1.2, 0.3}}(sequential{}, layers); });
  support::check_error<tamp::value_error>(
      "fixed: the sparsity of *.attn.* is nan, and not in [0, 1]",
      [] { fixed{.rules = {{"*.attn.*", NAN}}}(sequential{}, layers); });
  support::check_error<tamp::value_error>("fixed: none of 1 rules fits 0.mlp.up", [] {
    fixed{.rules = {{"*.attn.*", 0.3}}}(sequential{}, layers);
  });
  support::check_error<tamp::value_error>(
      "fixed: there are 3 sparsities and 1 rules; only one of the two can count",
      [] { fixed{{0.1, 0.2, 0.3}, {{"*", 0.3}}}(sequential{}, layers); });
}

BOOST_AUTO_TEST_CASE(it_is_a_policy) {
  static_assert(tamp::policy<fixed, tamp::role::allocate>);
  BOOST_TEST(tamp::label(fixed{{0.1, 0.25}}) == "fixed 0.1 0.25");
  BOOST_TEST(tamp::label(fixed{.rules = {{"*.mlp.*", 0.6}, {"*", 0.4}}}) ==
             "fixed *.mlp.* 0.6, * 0.4");
  BOOST_TEST((fixed{{0.1}} == fixed{{0.1}}));
  BOOST_TEST((fixed{{0.1}} != fixed{.rules = {{"*", 0.1}}}));
}

BOOST_AUTO_TEST_SUITE_END()
