#pragma once

/// @file
/// Transport of exceptions from the threads of a loop to its caller.

#include <atomic>
#include <cstddef>
#include <exception>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// A store for the exceptions of a loop's ranges, which must not leave their threads before all
/// ranges are done. Of several exceptions it keeps that of the lowest range, the one that a
/// sequential loop would have thrown.
class kept_exception {
 public:
  template <class Body>
  void run(const Body& body, std::size_t begin, std::size_t end) {
#if TAMP_EXCEPTIONS
    try {
      body(begin, end);
    } catch (...) {
      while (changing_.test_and_set(std::memory_order_acquire)) {
      }
      if (thrown_ == nullptr || begin < thrown_at_) {
        thrown_ = std::current_exception();
        thrown_at_ = begin;
      }
      changing_.clear(std::memory_order_release);
    }
#else
    body(begin, end);
#endif
  }

  void rethrow() const {
#if TAMP_EXCEPTIONS
    if (thrown_ != nullptr) std::rethrow_exception(thrown_);
#endif
  }

#if TAMP_EXCEPTIONS
 private:
  std::atomic_flag changing_;
  std::exception_ptr thrown_;
  std::size_t thrown_at_ = 0;
#endif
};

}  // namespace tamp::inline TAMP_FLAGS::detail
