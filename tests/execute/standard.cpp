#include <tamp/execute/standard.hpp>

#include <omp.h>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <set>
#include <type_traits>

#include "loop_checks.hpp"

BOOST_AUTO_TEST_SUITE(execute_standard)

BOOST_AUTO_TEST_CASE(it_works_as_it_is_made_by_default) {
  static_assert(tamp::executor<tamp::execute::standard>);
  static_assert(std::is_trivially_copyable_v<tamp::execute::standard>);
  checks::visits_every_index_exactly_once(tamp::execute::standard{});
  checks::lets_exceptions_out_and_works_afterwards(tamp::execute::standard{});
}

// This unit has OpenMP, and so has the program.
BOOST_AUTO_TEST_CASE(it_is_openmps_threads_once_a_unit_has_them) {
  BOOST_TEST(tamp::execute::program::run_on_threads.load() != nullptr);
  const int before = omp_get_max_threads();
  omp_set_num_threads(3);
  std::set<int> threads;
  tamp::execute::standard{}.for_each_range(30, [&](std::size_t begin, std::size_t end) {
#pragma omp critical
    threads.insert(omp_get_thread_num());
    BOOST_TEST(end - begin == 10u);
  });
  omp_set_num_threads(before);
  BOOST_TEST(threads.size() == 3u);
}

BOOST_AUTO_TEST_CASE(of_several_exceptions_the_lowest_ranges_comes_out) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(4);
  for (int again = 0; again < 20; ++again)
    BOOST_CHECK_EXCEPTION(
        tamp::execute::standard{}.for_each_range(
            8, [](std::size_t begin, std::size_t) { throw checks::failure_at{begin}; }),
        checks::failure_at, [](checks::failure_at f) { return f.index == 0; });
  omp_set_num_threads(before);
}

BOOST_AUTO_TEST_CASE(a_loop_may_run_inside_of_a_loop) {
  std::atomic<std::size_t> visits = 0;
  tamp::execute::standard{}.for_each_range(5, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      tamp::execute::standard{}.for_each_range(
          8, [&](std::size_t first, std::size_t last) { visits += last - first; });
  });
  BOOST_TEST(visits == 40u);
}

BOOST_AUTO_TEST_SUITE_END()
