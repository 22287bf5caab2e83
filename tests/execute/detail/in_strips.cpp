#include <tamp/execute/detail/in_strips.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "../../support/executors.hpp"

BOOST_AUTO_TEST_SUITE(execute_detail_in_strips)

using tamp::detail::any_executor;
using tamp::detail::in_strips;

BOOST_AUTO_TEST_CASE(ranges_cover_all_indices_once_and_begin_at_multiples_of_the_width) {
  for (const auto& by : support::every_executor)
    for (const std::size_t count : {0u, 1u, 7u, 8u, 9u, 1000u})
      for (const std::size_t width : {1u, 8u, 64u}) {
        const any_executor exec(by);
        std::vector<std::pair<std::size_t, std::size_t>> found;
        std::mutex adding;
        tamp::detail::for_each_range(in_strips(exec, width), count, [&](auto begin, auto end) {
          const std::lock_guard lock(adding);
          found.emplace_back(begin, end);
        });
        std::sort(found.begin(), found.end());
        std::size_t next = 0;
        for (const auto& [first, past] : found) {
          BOOST_TEST(first == next);
          BOOST_TEST(first % width == 0u);
          BOOST_TEST(past > first);
          next = past;
        }
        BOOST_TEST(next == count);
      }
}

BOOST_AUTO_TEST_CASE(the_grain_is_that_of_the_other_executor) {
  any_executor exec(support::one_thread);
  exec.grain = 17;
  BOOST_TEST(any_executor(in_strips(exec, 4)).grain == 17u);
}

BOOST_AUTO_TEST_SUITE_END()
