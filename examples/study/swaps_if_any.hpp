#pragma once

// Swaps that may be none, so that recipes with and without them are one type.

#include <string>
#include <tamp/refine/swaps.hpp>

namespace study {

// Recipes without any swap do not name them: "magnitude with repair".
struct swaps_if_any : tamp::refine::swaps {
  std::string label() const { return per_row == 0 ? std::string() : tamp::refine::swaps::label(); }
};

}  // namespace study
