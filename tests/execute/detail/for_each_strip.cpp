#include <tamp/execute/detail/for_each_strip.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "../../support/executors.hpp"

BOOST_AUTO_TEST_SUITE(execute_detail_for_each_strip)

namespace {

std::vector<std::pair<std::size_t, std::size_t>> strips_of(const auto& exec, std::size_t count,
                                                           std::size_t width) {
  std::vector<std::pair<std::size_t, std::size_t>> found;
  std::mutex adding;
  tamp::detail::for_each_strip(exec, count, width, 1, [&](std::size_t first, std::size_t past) {
    const std::lock_guard lock(adding);
    found.emplace_back(first, past);
  });
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

BOOST_AUTO_TEST_CASE(strips_cover_all_indices_once_and_begin_at_multiples_of_their_width) {
  for (const auto& exec : support::every_executor)
    for (const std::size_t count : {1u, 7u, 8u, 9u, 64u, 1000u})
      for (const std::size_t width : {1u, 8u, 64u}) {
        std::size_t next = 0;
        for (const auto& [first, past] : strips_of(exec, count, width)) {
          BOOST_TEST(first == next);
          BOOST_TEST(first % width == 0u);
          BOOST_TEST(past > first);
          next = past;
        }
        BOOST_TEST(next == count);
      }
}

BOOST_AUTO_TEST_CASE(nothing_has_no_strip) {
  for (const auto& exec : support::every_executor) BOOST_TEST(strips_of(exec, 0, 8).empty());
}

BOOST_AUTO_TEST_SUITE_END()
