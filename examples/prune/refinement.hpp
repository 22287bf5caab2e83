#pragma once

// The steps that --refine names.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tamp_prune {

// "swaps:25", "repair", "swaps:25+repair" or "dsnot".
struct refinement {
  std::optional<std::size_t> swaps;  // the most of a row
  bool repairs = false, is_dsnot = false;

  // True if it reads Gram matrices, and not the moments of sequences.
  bool reads_grams() const { return !is_dsnot; }
  // As reports name it: "swaps 25, repair".
  std::string label() const;
};

// Throws tamp::value_error if there is no such refinement.
refinement refinement_of(std::string_view text);

}  // namespace tamp_prune
