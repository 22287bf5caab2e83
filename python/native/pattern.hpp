#pragma once

// Patterns by name, as one type, so that scores are compiled once for all of them.

#include <optional>
#include <string>
#include <string_view>
#include <tamp/execute/executor.hpp>
#include <tamp/mask/bitmask.hpp>
#include <tamp/pattern/block.hpp>
#include <tamp/pattern/detail/any_scored_rows.hpp>
#include <tamp/pattern/mixed_n_of_m.hpp>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/role.hpp>

namespace tamp_python {

inline constexpr const char* pattern_names =
    "per_row, per_tensor, 1:2, 1:4, 2:4, 4:8, 8:16, mixed:8, block:16x1 and block:1x16";

// Calls use(pattern) with the pattern of that name. Returns false if there is none.
template <class Use>
bool with_pattern(std::string_view name, const Use& use) {
  using namespace tamp::pattern;
  if (name == "per_row") return use(per_row{}), true;
  if (name == "per_tensor") return use(per_tensor{}), true;
  if (name == "1:2") return use(n_of_m<1, 2>{}), true;
  if (name == "1:4") return use(n_of_m<1, 4>{}), true;
  if (name == "2:4") return use(n_of_m<2, 4>{}), true;
  if (name == "4:8") return use(n_of_m<4, 8>{}), true;
  if (name == "8:16") return use(n_of_m<8, 16>{}), true;
  if (name == "mixed:8") return use(mixed_n_of_m<8>{}), true;
  if (name == "block:16x1") return use(block<16, 1>{}), true;
  if (name == "block:1x16") return use(block<1, 16>{}), true;
  return false;
}

// The sparsity that a pattern fixes, if it does. Throws tamp::value_error for an unknown name.
std::optional<double> fixed_sparsity(std::string_view pattern);

struct any_pattern {
  using role = tamp::role::pattern;
  std::string name;

  std::string label() const { return name; }
  void select_tensor(const tamp::detail::any_executor& exec,
                     const tamp::detail::any_scored_rows<float>& scores, double sparsity,
                     tamp::mask::bitmask& keep) const;
  void select_tensor(const tamp::detail::any_executor& exec,
                     const tamp::detail::any_scored_rows<double>& scores, double sparsity,
                     tamp::mask::bitmask& keep) const;
  friend bool operator==(const any_pattern&, const any_pattern&) = default;
};

}  // namespace tamp_python
