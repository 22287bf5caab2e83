#include <tamp/execute/openmp.hpp>

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "loop_checks.hpp"

BOOST_AUTO_TEST_SUITE(execute_openmp)

// LLVM's runtime keeps what it allocated for threads that a later, smaller team leaves idle.
extern "C" const char* __lsan_default_suppressions() { return "leak:libomp"; }

namespace {

const int team_sizes[] = {0, 1, 2, 3, 8, -1};

}  // namespace

BOOST_AUTO_TEST_CASE(it_is_an_executor) { static_assert(tamp::executor<tamp::execute::openmp>); }

BOOST_AUTO_TEST_CASE(it_visits_every_index_exactly_once) {
  for (const auto threads : team_sizes)
    checks::visits_every_index_exactly_once(tamp::execute::openmp{threads});
}

BOOST_AUTO_TEST_CASE(exceptions_come_out) {
  for (const auto threads : team_sizes)
    checks::lets_exceptions_out_and_works_afterwards(tamp::execute::openmp{threads});
}

BOOST_AUTO_TEST_CASE(there_is_one_range_for_each_thread_and_they_differ_by_one_at_most) {
  for (const std::size_t count : {std::size_t{8}, std::size_t{11}, std::size_t{1000}}) {
    std::vector<std::size_t> lengths;
    std::mutex mutex;
    tamp::execute::openmp{8}.for_each_range(count, [&](std::size_t begin, std::size_t end) {
      const std::lock_guard lock(mutex);
      lengths.push_back(end - begin);
    });
    BOOST_TEST(lengths.size() == 8u);
    const auto [least, most] = std::minmax_element(lengths.begin(), lengths.end());
    BOOST_TEST(*most - *least <= 1u);
  }
}

BOOST_AUTO_TEST_CASE(fewer_indices_than_threads_make_fewer_ranges) {
  std::atomic<int> calls = 0;
  tamp::execute::openmp{8}.for_each_range(3, [&](std::size_t, std::size_t) { ++calls; });
  BOOST_TEST(calls == 3);
}

BOOST_AUTO_TEST_CASE(several_threads_take_part) {
  std::set<std::thread::id> seen;
  std::mutex mutex;
  tamp::execute::openmp{3}.for_each_range(3, [&](std::size_t, std::size_t) {
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  BOOST_TEST(seen.size() == 3u);
}

BOOST_AUTO_TEST_CASE(of_several_exceptions_the_one_from_the_lowest_range_comes_out) {
  for (const std::size_t quickest : {1u, 2u, 3u}) {
    const auto body = [&](std::size_t begin, std::size_t) {
      if (begin == 0) return;
      if (begin != quickest) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      throw checks::failure_at{begin};
    };
    BOOST_CHECK_EXCEPTION(tamp::execute::openmp{4}.for_each_range(4, body), checks::failure_at,
                          [](checks::failure_at f) { return f.index == 1; });
  }
}

BOOST_AUTO_TEST_CASE(a_loop_within_a_loop_visits_every_index_too) {
  std::vector<std::atomic<int>> visits(40);
  const tamp::execute::openmp exec{4};
  exec.for_each_range(5, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      exec.for_each_range(8, [&](std::size_t first, std::size_t last) {
        for (std::size_t j = first; j < last; ++j) ++visits[i * 8 + j];
      });
  });
  for (const auto& v : visits) BOOST_TEST(v == 1);
}

BOOST_AUTO_TEST_SUITE_END()
