#include <tamp/execute/standard.hpp>

#include <boost/test/unit_test.hpp>
#include <type_traits>

#include "loop_checks.hpp"

BOOST_AUTO_TEST_SUITE(execute_standard)

BOOST_AUTO_TEST_CASE(it_is_openmp_where_openmp_is_switched_on) {
#if defined(_OPENMP)
  static_assert(std::is_same_v<tamp::execute::standard, tamp::execute::openmp>);
#else
  static_assert(std::is_same_v<tamp::execute::standard, tamp::execute::sequential>);
#endif
}

BOOST_AUTO_TEST_CASE(it_works_as_it_is_made_by_default) {
  checks::visits_every_index_exactly_once(tamp::execute::standard{});
  checks::lets_exceptions_out_and_works_afterwards(tamp::execute::standard{});
}

BOOST_AUTO_TEST_SUITE_END()
