#pragma once

// One type for many ways to run a loop, so that the library is instantiated once for all of them.

#include <cstddef>
#include <exception>
#include <functional>
#include <ostream>
#include <thread>
#include <vector>

namespace support {

/// `threads` threads with one range each, as a host's own pool would run them. With 0 threads a
/// hostile one: ranges of a single index from the last to the first, with empty ranges in between.
struct any_executor {
  using body_function = std::function<void(std::size_t, std::size_t)>;

  std::size_t threads = 1;

  void for_each_range(std::size_t count, const body_function& body) const {
    if (threads == 0) {
      for (std::size_t i = count; i-- > 0;) body(i, i + 1), body(i, i);
      return;
    }
    std::vector<std::thread> team;
    std::vector<std::exception_ptr> thrown(threads);
    for (std::size_t t = 0; t < threads; ++t)
      team.emplace_back([&, t, begin = count * t / threads, end = count * (t + 1) / threads] {
        try {
          body(begin, end);
        } catch (...) {
          thrown[t] = std::current_exception();
        }
      });
    for (std::thread& thread : team) thread.join();
    for (const std::exception_ptr& e : thrown)
      if (e) std::rethrow_exception(e);
  }

  friend std::ostream& operator<<(std::ostream& out, const any_executor& e) {
    if (e.threads == 0) return out << "single indices, backwards";
    return out << e.threads << " threads";
  }
};

inline const any_executor one_thread{1};
inline const any_executor every_executor[] = {{1}, {2}, {3}, {8}, {0}};

}  // namespace support
