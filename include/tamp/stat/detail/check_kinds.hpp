#pragma once

/// @file
/// The check of the modalities of a sample's tokens.

#include <cstddef>
#include <span>
#include <string_view>

#include "../../detail/checked.hpp"
#include "../../error.hpp"
#include "../../model/modality.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// Refuses modalities that are neither absent nor one for each token.
inline void check_kinds(std::string_view who, std::span<const modality> kinds, std::size_t tokens) {
  if (!kinds.empty() && kinds.size() != tokens)
    raise<shape_error>(who, ": ", kinds.size(), " modalities for ", tokens, " tokens");
  check_list(who, "modalities", kinds);
}

}  // namespace tamp::inline TAMP_FLAGS::detail
