#pragma once

/// @file
/// The body of a loop as two pointers.

#include <concepts>
#include <cstddef>
#include <type_traits>

#include "../config.hpp"

namespace tamp::execute {

/// A non-owning reference to the body of a loop, body(begin, end), of any type. The body must
/// outlive it.
///
/// An executor that takes it in place of a template parameter can be compiled apart from its users,
/// like a thread pool behind an interface:
///
///     struct on_pool {
///       void for_each_range(std::size_t count, tamp::execute::range_function body) const;
///     };
class range_function {
 public:
  template <class Body, class Flags = detail::flags_of_unit>
    requires(!std::same_as<std::remove_cvref_t<Body>, range_function> &&
             std::invocable<Body&, std::size_t, std::size_t>)
  range_function(Body&& body) noexcept
      : body_(const_cast<void*>(static_cast<const void*>(__builtin_addressof(body)))),
        call_(&call<std::remove_reference_t<Body>, Flags>) {}

  [[gnu::always_inline]] void operator()(std::size_t begin, std::size_t end) const {
    call_(body_, begin, end);
  }

 private:
  template <class Body, class Flags>
  static void call(void* body, std::size_t begin, std::size_t end) {
    (*static_cast<Body*>(body))(begin, end);
  }

  void* body_;
  void (*call_)(void*, std::size_t, std::size_t);
};

}  // namespace tamp::execute
