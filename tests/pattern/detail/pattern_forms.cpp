#include <tamp/pattern/detail/pattern_forms.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <string_view>
#include <tamp/tamp.hpp>

#include "../../support/errors.hpp"
#include "../../support/executors.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(pattern_detail_pattern_forms)

using support::check_error;
using support::matrix;
using tamp::mask::word;

namespace {

// Sets whole words: right only if the number of columns is a multiple of 64.
struct whole_words {
  using role = tamp::role::pattern;
  static constexpr std::string_view label() { return "whole_words"; }
  template <class Score>
  struct row_selector {
    row_selector(std::size_t, double) {}
    void operator()(std::span<const Score>, std::span<word> keep) const { keep.back() = ~word{0}; }
  };
};

// The same for a tensor as a whole.
struct whole_masks {
  using role = tamp::role::pattern;
  static constexpr std::string_view label() { return "whole_masks"; }
  template <tamp::executor E, class ScoredRows>
  void select_tensor(const E&, const ScoredRows& scored, double, tamp::mask::bitmask& keep) const {
    for (std::size_t i = 1; i < scored.rows(); ++i) keep.row(i).back() = ~word{0};
  }
};

// Answers with a mask of its own.
struct smaller_mask {
  using role = tamp::role::pattern;
  static constexpr std::string_view label() { return "smaller_mask"; }
  template <tamp::executor E, class ScoredRows>
  void select_tensor(const E&, const ScoredRows&, double, tamp::mask::bitmask& keep) const {
    keep = tamp::mask::bitmask(1, 2);
  }
};

// Keeps the first weight of a row, whatever the sparsity.
struct the_first {
  using role = tamp::role::pattern;
  static constexpr std::string_view label() { return "the_first"; }
  template <class Score>
  struct row_selector {
    row_selector(std::size_t, double) {}
    void operator()(std::span<const Score>, std::span<word> keep) const {
      std::fill(keep.begin(), keep.end(), word{0});
      keep.front() = 1;
    }
  };
};

template <class Pattern>
auto with(Pattern pattern) {
  return tamp::compose(tamp::score::magnitude{}, pattern, tamp::allocate::uniform{0.5});
}

}  // namespace

BOOST_AUTO_TEST_CASE(bits_past_the_last_column_are_seen) {
  const word three[] = {7}, four[] = {15};
  BOOST_TEST(!tamp::detail::has_bits_past(three, 3));
  BOOST_TEST(tamp::detail::has_bits_past(four, 3));
  const word all[] = {~word{0}, ~word{0}};
  BOOST_TEST(!tamp::detail::has_bits_past(all, 128));
  BOOST_TEST(tamp::detail::has_bits_past(all, 127));
  BOOST_TEST(!tamp::detail::has_bits_past({}, 0));
}

BOOST_AUTO_TEST_CASE(a_pattern_that_sets_bits_past_the_last_column_is_refused) {
  auto weight = support::random_matrix(5, 70, 1);
  const auto before = weight;
  for (const auto& exec : support::every_executor) {
    check_error<tamp::value_error>(
        "select: the pattern whole_words set bits past the last of 70 columns in the mask of row 0",
        [&] { tamp::select(exec, weight, with(whole_words{})); });
    check_error<tamp::value_error>(
        "prune: the pattern whole_masks set bits past the last of 70 columns in the mask of row 1",
        [&] { tamp::prune(exec, weight, with(whole_masks{})); });
  }
  BOOST_TEST((weight == before));
  BOOST_TEST(tamp::select(support::random_matrix(5, 64, 1), with(whole_words{})).count() == 320u);
  BOOST_TEST(tamp::select(support::random_matrix(5, 64, 1), with(whole_masks{})).count() == 320u);
}

BOOST_AUTO_TEST_CASE(a_pattern_decides_how_many_weights_stay) {
  const auto keep = tamp::select(support::random_matrix(5, 70, 1), with(the_first{}));
  BOOST_TEST(keep.count() == 5u);
  for (std::size_t i = 0; i < 5; ++i) BOOST_TEST(keep(i, 0));
}

BOOST_AUTO_TEST_CASE(a_pattern_that_answers_with_another_mask_is_refused) {
  check_error<tamp::shape_error>(
      "select: the pattern smaller_mask made a mask of 1 x 2 for a weight of 3 x 4",
      [] { tamp::select(matrix<float>(3, 4, 1.0f), with(smaller_mask{})); });
}

BOOST_AUTO_TEST_SUITE_END()
