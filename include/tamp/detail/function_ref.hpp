#pragma once

/// @file
/// A reference to a function as two pointers, like std::function_ref of C++26.

#include <concepts>
#include <type_traits>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

template <class Signature>
class function_ref;

/// A non-owning reference to a callable of any type. The callable must outlive it.
template <class Result, class... Arguments>
class function_ref<Result(Arguments...)> {
 public:
  template <class Function>
    requires(!std::same_as<Function, function_ref> &&
             std::is_invocable_r_v<Result, const Function&, Arguments...>)
  function_ref(const Function& function) noexcept
      : function_(__builtin_addressof(function)),
        call_([](const void* called, Arguments... arguments) {
          return static_cast<Result>((*static_cast<const Function*>(called))(arguments...));
        }) {}

  Result operator()(Arguments... arguments) const { return call_(function_, arguments...); }

 private:
  const void* function_;
  Result (*call_)(const void*, Arguments...);
};

}  // namespace tamp::inline TAMP_FLAGS::detail
