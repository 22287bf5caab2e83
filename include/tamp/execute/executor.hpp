#pragma once

/// @file
/// The concept of an executor, which runs the loops.

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>

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

/// An object that runs a loop in ranges.
///
/// `for_each_range(count, body)` must call `body(begin, end)` for ranges that together cover
/// [0, count) once, and return when all are done. The ranges may run on any threads, in any order.
/// An exception from `body` must propagate to the caller. tamp refuses an executor whose ranges do
/// not cover [0, count) once. No result of tamp depends on the partition into ranges. A class with this
/// one function adapts a host's own thread pool.
template <class E>
concept executor = requires(const E& e, std::size_t count, detail::any_range_function body) {
  e.for_each_range(count, body);
};

namespace detail {

/// A non-owning reference to an executor of any type, which must outlive it. Code that runs on it
/// is compiled once for all executors.
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

/// A number that hardly any sum of others equals by chance: the mixing function of splitmix64.
constexpr std::uint64_t scrambled(std::uint64_t number) noexcept {
  number += 0x9e3779b97f4a7c15u;
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9u;
  number = (number ^ number >> 27) * 0x94d049bb133111ebu;
  return number ^ number >> 31;
}

/// Calls exec.for_each_range(count, body), with IEEE 754 arithmetic in every range.
///
/// Ranges cover [0, count) once if and only if the end of each is the beginning of another, except
/// for 0 and `count`. The sum over ranges of scrambled(end) - scrambled(begin) is then
/// scrambled(count) - scrambled(0), in any order.
/// @throws value_error if a range leaves [0, count), before any of it is done, or if ranges were
///         left out or ran twice
template <executor E, class Body>
void for_each_range(const E& exec, std::size_t count, const Body& body) {
  std::atomic<std::size_t> done = 0;
  std::atomic<std::uint64_t> steps = 0;
  exec.for_each_range(count, [&](std::size_t begin, std::size_t end) {
    if (begin > end || end > count)
      raise<value_error>("the executor runs the range from ", begin, " to ", end, " of ", count);
    const ieee_arithmetic as_usual;
    body(begin, end);
    done.fetch_add(end - begin, std::memory_order_relaxed);
    steps.fetch_add(scrambled(end) - scrambled(begin), std::memory_order_relaxed);
  });
  if (done != count)
    raise<value_error>("the executor ran ", done.load(), " of ", count, " indices");
  if (steps != scrambled(count) - scrambled(0))
    raise<value_error>("the executor ran some of ", count, " indices twice, and left out others");
}

/// The same for indices that together stand for count * `work` elements. The calling thread runs
/// the loop if these are fewer than the executor's `grain`, where it has one.
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
