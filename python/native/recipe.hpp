#pragma once

// Recipes by the names of their policies.

#include <cstddef>
#include <optional>
#include <string>

#include "pattern.hpp"

namespace tamp_python {

struct recipe {
  std::string score = "wanda", pattern = "per_row", allocate = "uniform";
  double sparsity = 0.5;
  double alpha = 0.5;                  // of ria
  std::size_t blocksize = 128;         // of sparsegpt
  double damping = 0.01;               // of sparsegpt
  double M = 5, lambda = 0.08;         // of owl
  std::optional<double> max_sparsity;  // of das

  bool sparsity_is_fixed() const { return fixed_sparsity(pattern).has_value(); }
  std::string label() const;
  // The same for a single layer.
  recipe at(double its_sparsity) const;
  friend bool operator==(const recipe&, const recipe&) = default;
};

// Throws tamp::value_error for names that there are not, and numbers out of range.
recipe composed(recipe asked, std::optional<double> sparsity);

}  // namespace tamp_python
