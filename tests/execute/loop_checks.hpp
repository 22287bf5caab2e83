#pragma once

// Requirements of every executor, for the tests of each of them.

#include <tamp/execute/executor.hpp>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

namespace checks {

/// The exceptions of a loop body, and where they are thrown.
struct failure_at {
  std::size_t index;
};

inline constexpr std::size_t counts[] = {0, 1, 2, 7, 1000};

template <tamp::executor E>
void visits_every_index_exactly_once(const E& exec) {
  for (const std::size_t count : counts) {
    std::vector<std::atomic<int>> visits(count);
    std::atomic<int> bad_ranges = 0;
    exec.for_each_range(count, [&](std::size_t begin, std::size_t end) {
      if (begin >= end || end > count) {
        ++bad_ranges;
        return;
      }
      for (std::size_t i = begin; i < end; ++i) ++visits[i];
    });
    BOOST_TEST(bad_ranges == 0);
    for (std::size_t i = 0; i < count; ++i)
      if (visits[i] != 1)
        BOOST_FAIL("index " << i << " of " << count << " was visited " << visits[i] << " times");
  }
}

template <tamp::executor E>
void lets_exceptions_out_and_works_afterwards(const E& exec) {
  for (const std::size_t culprit : {std::size_t{0}, std::size_t{500}, std::size_t{999}}) {
    const auto body = [&](std::size_t begin, std::size_t end) {
      if (begin <= culprit && culprit < end) throw failure_at{culprit};
    };
    BOOST_CHECK_EXCEPTION(exec.for_each_range(1000, body), failure_at,
                          [&](failure_at f) { return f.index == culprit; });
  }
  BOOST_CHECK_THROW(exec.for_each_range(7, [](std::size_t, std::size_t) { throw 1; }), int);
  visits_every_index_exactly_once(exec);
}

}  // namespace checks
