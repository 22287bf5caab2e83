#pragma once

/// @file
/// Who runs the loops: the concept of an executor.

#include <atomic>
#include <concepts>
#include <cstddef>

#include "../config.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../error.hpp"
#include "range_function.hpp"

namespace tamp::inline TAMP_FLAGS {
namespace detail {
struct any_range_function {
  void operator()(std::size_t, std::size_t) const {}
};
}  // namespace detail

/// Runs a loop in pieces.
///
/// `for_each_range(count, body)` calls `body(begin, end)` for ranges that together cover [0, count)
/// once, on any threads and in any order, and returns when all are done. Whatever `body` throws
/// must come out of it. An executor that leaves out ranges, or asks for others, is refused. No
/// result of tamp depends on how the ranges are cut. A host's own thread pool joins by a class with
/// this one function.
template <class E>
concept executor = requires(const E& e, std::size_t count, detail::any_range_function body) {
  e.for_each_range(count, body);
};

namespace detail {

/// An executor of any type, by address: what runs on it is compiled once for all executors.
class any_executor {
 public:
  template <executor E>
    requires(!std::same_as<E, any_executor>)
  explicit any_executor(const E& exec) noexcept
      : exec_(&exec), run_([](const void* on, std::size_t count, execute::range_function body) {
          static_cast<const E*>(on)->for_each_range(count, body);
        }) {
    if constexpr (requires { exec.grain; }) grain = exec.grain;
  }

  void for_each_range(std::size_t count, execute::range_function body) const {
    run_(exec_, count, body);
  }

  std::size_t grain = 0;

 private:
  const void* exec_;
  void (*run_)(const void*, std::size_t, execute::range_function);
};

/// exec.for_each_range(count, body), where each range is computed as IEEE 754 has it.
/// @throws value_error if a range leaves [0, count), before anything of it is done, or if ranges
///         were left out or came twice
template <executor E, class Body>
void for_each_range(const E& exec, std::size_t count, const Body& body) {
  std::atomic<std::size_t> done = 0;
  exec.for_each_range(count, [&](std::size_t begin, std::size_t end) {
    if (begin > end || end > count)
      raise<value_error>("the executor runs the range from ", begin, " to ", end, " of ", count);
    const ieee_arithmetic as_usual;
    body(begin, end);
    done.fetch_add(end - begin, std::memory_order_relaxed);
  });
  if (done != count)
    raise<value_error>("the executor ran ", done.load(), " of ", count, " indices");
}

/// The same where each of the indices stands for `work` elements; on the calling thread if they are
/// together fewer than the executor's `grain`, where it has one.
template <executor E, class Body>
void for_each_range(const E& exec, std::size_t count, std::size_t work, const Body& body) {
  if constexpr (requires { exec.grain; }) {
    if (count != 0 && work < exec.grain / count) {
      const ieee_arithmetic as_usual;
      return body(std::size_t{0}, count);
    }
  }
  detail::for_each_range(exec, count, body);
}

}  // namespace detail
}  // namespace tamp::inline TAMP_FLAGS
