#pragma once

// Helpers for C functions around the library.

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tamp/element.hpp>

namespace compare {

/// An exception must not leave a C function: calls `work` and returns what it threw, or null.
template <class Work>
const char* guarded(const Work& work) {
  static thread_local std::string problem;
  try {
    work();
    return nullptr;
  } catch (const std::exception& thrown) {
    problem = thrown.what();
    return problem.c_str();
  }
}

/// Calls `use` with a pointer to elements of the type that `name` says.
template <class Use>
void with_element(std::string_view name, void* elements, const Use& use) {
  if (name == "float")
    use(static_cast<float*>(elements));
  else if (name == "bf16")
    use(static_cast<tamp::bf16*>(elements));
  else
    throw std::invalid_argument("elements are float or bf16, not " + std::string(name));
}

}  // namespace compare
