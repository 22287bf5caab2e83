#pragma once

/// @file
/// Column norms of weights by the weights' names, as other engines hand them over.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "detail/shown.hpp"

namespace tamp::inline TAMP_FLAGS::io {

/// The column norms of one weight. A weight of (out, in) is one matrix; a weight of
/// (experts, out, in) has a matrix for each expert, whose inputs are its own tokens.
struct weight_norms {
  std::size_t columns = 0;            ///< input features of each matrix
  std::vector<float> values;          ///< one for each column, matrix after matrix
  std::vector<std::uint64_t> tokens;  ///< behind each matrix; 0 if there were none, or unknown

  std::size_t matrices() const noexcept { return tokens.size(); }
  friend bool operator==(const weight_norms&, const weight_norms&) = default;
};

namespace detail {

/// The parts that two names are compared by, sorted: words, and pairs of characters.
class name_parts {
 public:
  explicit name_parts(std::string_view name) {
    name = name.substr(0, longest);
    for (std::size_t begin = 0; begin < name.size();) {
      std::size_t end = begin;
      while (end < name.size() && is_of_a_word(name[end])) ++end;
      if (end != begin) words_.push_back(name.substr(begin, end - begin));
      begin = end + 1;
    }
    for (std::size_t k = 0; k + 1 < name.size(); ++k) pairs_.push_back(name.substr(k, 2));
    std::sort(words_.begin(), words_.end());
    std::sort(pairs_.begin(), pairs_.end());
  }

  /// The shared part of the words, then that of the pairs, each in [0, 1].
  std::pair<double, double> likeness(const name_parts& other) const {
    return {shared(words_, other.words_), shared(pairs_, other.pairs_)};
  }

 private:
  using part_list = std::vector<std::string_view>;
  static constexpr std::size_t longest = 256;  // of a name; a file may give any

  static bool is_of_a_word(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
  static double shared(const part_list& a, const part_list& b) {
    part_list both;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
    const std::size_t all = (std::max)(a.size() + b.size(), std::size_t{1});
    return 2 * static_cast<double>(both.size()) / static_cast<double>(all);
  }

  part_list words_, pairs_;
};

}  // namespace detail

/// Column norms by the names of weights, with checked look-up.
///
///     const auto norms = tamp::io::read_imatrix("imatrix.gguf");
///     const auto keep = tamp::select(W, norms.of("blk.0.attn_q.weight", W.cols()), recipe);
class named_norms {
 public:
  using map = std::map<std::string, weight_norms, std::less<>>;

  /// @param origin begins the sentences of errors; readers give the name of their file
  explicit named_norms(std::string origin = "named_norms") : origin_(std::move(origin)) {}

  /// Adds the norms of a weight.
  /// @throws value_error if the name is empty or there already, or if a norm is negative or not
  ///         finite
  /// @throws shape_error if there are no norms, or not as many as the matrices have columns
  ///         together
  /// Nothing is added then.
  void add(std::string name, weight_norms norms) {
    if (name.empty()) raise<value_error>("norms need the name of a weight");
    if (norms_.contains(name)) raise<value_error>("has norms for ", quoted(name), " already");
    const std::size_t columns = norms.columns, matrices = norms.matrices();
    if (columns == 0 || matrices == 0 || norms.values.size() / columns != matrices ||
        norms.values.size() % columns != 0)
      raise<shape_error>(norms.values.size(), " norms for ", quoted(name), ", which has ", matrices,
                         " x ", columns, " columns");
    for (std::size_t k = 0; k < norms.values.size(); ++k)
      if (!tamp::detail::is_nonnegative(norms.values[k]))
        raise<value_error>("the norm of column ", k % columns, " of matrix ", k / columns, " of ",
                           quoted(name), " is ", norms.values[k]);
    norms_.emplace(std::move(name), std::move(norms));
  }
  /// Adds the norms of a weight of one matrix; of 0 tokens if that is not known.
  void add(std::string name, std::vector<float> norms, std::uint64_t tokens) {
    const std::size_t columns = norms.size();
    add(std::move(name), weight_norms{columns, std::move(norms), {tokens}});
  }

  /// The norms of a weight, one float for each column, matrix after matrix: statistics for select,
  /// of one matrix at a time. Norms of one matrix may be asked for as those of several, of the same
  /// total: importance matrices do not always say where one ends (see read_imatrix).
  /// @throws file_error if there are none, with the names most like that one
  /// @throws shape_error if they cover other columns or another number of matrices
  std::span<const float> of(std::string_view name, std::size_t columns,
                            std::size_t matrices = 1) const& {
    const weight_norms& found = at(name);
    const bool is_same = found.columns == columns && found.matrices() == matrices;
    const bool can_be_split = found.matrices() == 1 && columns != 0 &&
                              found.columns % columns == 0 && found.columns / columns == matrices;
    if (!is_same && !can_be_split) {
      if (found.matrices() == 1 && matrices == 1)
        raise<shape_error>("the norms of ", quoted(name), " cover ", found.columns,
                           " columns, the weight has ", columns);
      raise<shape_error>("the norms of ", quoted(name), " cover ", found.matrices(), " x ",
                         found.columns, " columns, the weight has ", matrices, " x ", columns);
    }
    return found.values;
  }
  std::span<const float> of(std::string_view, std::size_t, std::size_t = 1) const&& = delete;

  /// @throws file_error if there are no norms of that name, with the names most like it
  const weight_norms& at(std::string_view name) const& {
    const auto found = norms_.find(name);
    if (found == norms_.end()) refuse_missing(name);
    return found->second;
  }
  const weight_norms& at(std::string_view) const&& = delete;

  bool contains(std::string_view name) const { return norms_.contains(name); }
  std::size_t size() const noexcept { return norms_.size(); }
  bool empty() const noexcept { return norms_.empty(); }
  /// Pairs of a name and norms, sorted by name.
  map::const_iterator begin() const noexcept { return norms_.begin(); }
  map::const_iterator end() const noexcept { return norms_.end(); }

  /// Up to `most` names of those that are there, the most alike first: those that share most words
  /// with `name` ("attn", "q", "0"), then most pairs of characters.
  std::vector<std::string> nearest(std::string_view name, std::size_t most = 3) const {
    const detail::name_parts wanted(name);
    using ranked = std::tuple<double, double, std::string_view>;
    std::vector<ranked> all;
    for (const auto& [known, norms] : norms_) {
      const auto [words, pairs] = wanted.likeness(detail::name_parts(known));
      if (words > 0 || pairs > 0) all.emplace_back(-words, -pairs, known);
    }
    const std::size_t count = (std::min)(most, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
    std::vector<std::string> names;
    for (std::size_t k = 0; k < count; ++k) names.emplace_back(std::get<2>(all[k]));
    return names;
  }

  /// The beginning of the sentences of errors.
  const std::string& origin() const noexcept { return origin_; }
  /// Further remarks on the norms, such as the name of the calibration text, by key.
  const std::map<std::string, std::string>& about() const noexcept { return about_; }
  void describe(std::string key, std::string text) {
    about_.insert_or_assign(std::move(key), std::move(text));
  }

  /// Compares the norms alone, not their origin.
  friend bool operator==(const named_norms& a, const named_norms& b) {
    return a.norms_ == b.norms_;
  }

 private:
  static std::string quoted(std::string_view name) {
    return tamp::detail::sentence('\'', tamp::detail::shown(name), '\'');
  }
  template <class Error, class... Parts>
  [[noreturn]] void raise(const Parts&... parts) const {
    tamp::detail::raise<Error>(origin_, ": ", parts...);
  }
  [[noreturn]] void refuse_missing(std::string_view name) const {
    if (empty()) raise<file_error>("has no norms for ", quoted(name), ", nor for any weight");
    const auto names = nearest(name);
    std::string alike = names.empty() ? "" : "; most like it:";
    for (std::size_t k = 0; k < names.size(); ++k)
      alike += tamp::detail::sentence(k == 0 ? " " : ", ", quoted(names[k]));
    raise<file_error>("has no norms for ", quoted(name), " among those of ", size(), " weights",
                      alike);
  }

  std::string origin_;
  map norms_;
  std::map<std::string, std::string> about_;
};

}  // namespace tamp::inline TAMP_FLAGS::io
