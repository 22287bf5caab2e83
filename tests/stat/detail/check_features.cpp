#include <tamp/stat/detail/check_features.hpp>

#include <boost/test/unit_test.hpp>

#include "../../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(stat_detail_check_features)

BOOST_AUTO_TEST_CASE(another_number_of_features_is_refused_by_name) {
  BOOST_CHECK_NO_THROW(tamp::detail::check_features("gram", "a batch has ", 3, 3));
  support::check_error<tamp::shape_error>(
      "gram: a batch has 4 features, the statistics cover 3",
      [] { tamp::detail::check_features("gram", "a batch has ", 4, 3); });
}

BOOST_AUTO_TEST_SUITE_END()
