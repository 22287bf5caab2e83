#include <tamp/execute/sequential.hpp>

#include <boost/test/unit_test.hpp>
#include <thread>

#include "loop_checks.hpp"

BOOST_AUTO_TEST_SUITE(execute_sequential)

BOOST_AUTO_TEST_CASE(it_is_an_executor) {
  static_assert(tamp::executor<tamp::execute::sequential>);
}

BOOST_AUTO_TEST_CASE(it_visits_every_index_exactly_once) {
  checks::visits_every_index_exactly_once(tamp::execute::sequential{});
}

BOOST_AUTO_TEST_CASE(it_makes_one_call_on_the_calling_thread_and_none_for_an_empty_loop) {
  for (const std::size_t count : checks::counts) {
    int calls = 0;
    std::thread::id where;
    tamp::execute::sequential{}.for_each_range(count, [&](std::size_t, std::size_t) {
      ++calls;
      where = std::this_thread::get_id();
    });
    BOOST_TEST(calls == (count == 0 ? 0 : 1));
    if (calls) BOOST_TEST((where == std::this_thread::get_id()));
  }
}

BOOST_AUTO_TEST_CASE(exceptions_come_out) {
  checks::lets_exceptions_out_and_works_afterwards(tamp::execute::sequential{});
}

BOOST_AUTO_TEST_SUITE_END()
