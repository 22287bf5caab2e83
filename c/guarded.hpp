#pragma once

// The ground of the C interface: exceptions become statuses, pointers and structures of C the library's own types.

#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/execute/kept_exception.hpp>
#include <tamp/execute/standard.hpp>
#include <tamp/mask/bitmask.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/tensor/any_view.hpp>

#include "tamp.h"

struct tamp_column_norm {
  tamp::stat::column_norm norms;
};
struct tamp_mask {
  tamp::mask::bitmask keep;
};

namespace tamp_c {

// Keeps the sentence for tamp_message.
tamp_status refuse(tamp_status status, const char* sentence) noexcept;

// Calls body(), and returns the status that its exception stands for.
template <class Body>
tamp_status guarded(const Body& body) noexcept {
  try {
    body();
    return TAMP_OK;
  } catch (const tamp::shape_error& e) {
    return refuse(TAMP_SHAPE_ERROR, e.what());
  } catch (const tamp::error& e) {
    return refuse(TAMP_VALUE_ERROR, e.what());
  } catch (const std::bad_alloc&) {
    return refuse(TAMP_SHAPE_ERROR, "there is not enough memory");
  } catch (const std::exception& e) {
    return refuse(TAMP_OTHER_ERROR, e.what());
  } catch (...) {
    return refuse(TAMP_OTHER_ERROR, "an exception that is no std::exception");
  }
}

// The object behind a pointer. `what` begins a sentence's end: "the mask".
template <class T>
T& checked(std::string_view function, std::string_view what, T* pointer) {
  if (pointer == nullptr)
    tamp::detail::raise<tamp::value_error>(function, ": ", what, " is a null pointer");
  return *pointer;
}

// The view of a matrix.
tamp::any_view view_of(std::string_view function, std::string_view what, const tamp_matrix* matrix);

// An engine's executor, or, for a null pointer, the library's own.
class executor {
 public:
  executor(std::string_view function, const tamp_executor* where)
      : grain(where == nullptr ? tamp::execute::standard{}.grain : 0), where_(where) {
    if (where != nullptr && where->for_each_range == nullptr)
      tamp::detail::raise<tamp::value_error>(function,
                                             ": the executor's for_each_range is a null pointer");
  }

  std::size_t grain;  // elements below which the calling thread runs a loop

  template <class Body>
  void for_each_range(std::size_t count, const Body& body) const {
    if (where_ == nullptr) return tamp::execute::standard{}.for_each_range(count, body);
    call<Body> all{body, {}};
    where_->for_each_range(
        where_->pool, count,
        [](void* of_all, std::size_t begin, std::size_t end) {
          auto& [run, kept] = *static_cast<call<Body>*>(of_all);
          kept.run(run, begin, end);
        },
        &all);
    all.kept.rethrow();
  }

 private:
  template <class Body>
  struct call {
    const Body& body;
    tamp::detail::kept_exception kept;
  };

  const tamp_executor* where_;
};

}  // namespace tamp_c
