#pragma once

// Kinds of tokens as an argument of Python.

#include <nanobind/nanobind.h>

#include <cstddef>
#include <tamp/model/modality.hpp>
#include <vector>

namespace tamp_python {

// Returns one kind for each token. `kinds` is an array of bool (True: visual) or of numbers of
// kinds, a range or slice of visual tokens, or None: all tokens are of kind `otherwise`.
std::vector<tamp::modality> kinds_of(nanobind::handle kinds, std::size_t tokens,
                                     tamp::modality otherwise);

}  // namespace tamp_python
