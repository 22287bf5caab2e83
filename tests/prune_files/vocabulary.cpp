// Which tokens may leave, in which order, by hand.
#include <prune/vocabulary.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <tamp/error.hpp>
#include <tamp/structure/lowest_units.hpp>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_vocabulary)

using support::check_error;
using tamp_prune::numbers_of;
using tamp_prune::rank_tokens;
using tamp_prune::vocabulary;

namespace {

// a, b and c are beginnings; of them ab, abc and bc are made.
vocabulary six_tokens() {
  vocabulary v{{"a", "b", "c", "ab", "abc", "bc"}, std::vector<bool>(6), {}};
  keep_beginnings(v, false);
  const auto numbers = numbers_of(v.spellings);
  add_merge(v, numbers, "a", "b", 0);
  add_merge(v, numbers, "ab", "c", 1);
  add_merge(v, numbers, "b", "c", 2);
  return v;
}

std::vector<std::size_t> kept_of(const vocabulary& v, const std::vector<std::uint64_t>& uses,
                                 std::size_t leave) {
  return tamp::structure::all_but(
      v.size(), tamp::structure::lowest_units(rank_tokens(v, uses).scores, leave));
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_used_least_leaves_and_takes_nothing_with_it_that_stays) {
  const vocabulary v = six_tokens();
  // ab is never used by itself, but abc, which is made of it, is used 5 times.
  const auto ranking = rank_tokens(v, std::vector<std::uint64_t>{0, 0, 0, 0, 5, 1});
  BOOST_TEST(ranking.fewest == 3u);
  BOOST_TEST(ranking.unused == 0u);
  BOOST_TEST((kept_of(v, {0, 0, 0, 0, 5, 1}, 1) == std::vector<std::size_t>{0, 1, 2, 3, 4}));
  // Of ab and abc, which count the same, the longer leaves.
  BOOST_TEST((kept_of(v, {0, 0, 0, 0, 5, 9}, 1) == std::vector<std::size_t>{0, 1, 2, 3, 5}));
  BOOST_TEST((kept_of(v, {0, 0, 0, 0, 5, 9}, 3) == std::vector<std::size_t>{0, 1, 2}));
  BOOST_TEST(rank_tokens(v, std::vector<std::uint64_t>{9, 9, 9, 3, 0, 0}).unused == 2u);
}

BOOST_AUTO_TEST_CASE(rows_without_a_token_leave_first) {
  vocabulary v = six_tokens();
  v.spellings.push_back("");
  v.stays.push_back(false);
  BOOST_TEST(
      (kept_of(v, std::vector<std::uint64_t>(7), 1) == std::vector<std::size_t>{0, 1, 2, 3, 4, 5}));
}

BOOST_AUTO_TEST_CASE(bytes_stay_where_characters_fall_back_to_them) {
  vocabulary v{{"e", "\xc3\xa9", "eh"}, std::vector<bool>(3), {}};
  keep_beginnings(v, true);  // not all bytes are there
  BOOST_TEST((v.stays == std::vector<bool>{true, true, false}));
  vocabulary with_bytes = v;
  constexpr const char* digits = "0123456789ABCDEF";
  for (std::size_t byte = 0; byte < 256; ++byte) {
    with_bytes.spellings.push_back(std::string("<0x") + digits[byte / 16] + digits[byte % 16] +
                                   '>');
    with_bytes.stays.push_back(false);
  }
  with_bytes.stays.assign(with_bytes.size(), false);
  keep_beginnings(with_bytes, true);
  BOOST_TEST(!with_bytes.stays[0]);
  BOOST_TEST(!with_bytes.stays[1]);
  BOOST_TEST(std::count(with_bytes.stays.begin(), with_bytes.stays.end(), true) == 256);
}

BOOST_AUTO_TEST_CASE(any_number_that_leaves_keeps_merges_whole) {
  std::mt19937 random(4);
  vocabulary v{{"a", "b"}, std::vector<bool>(2), {}};
  keep_beginnings(v, false);
  while (v.size() < 60) {
    const std::string left = v.spellings[random() % v.size()];
    const std::string right = v.spellings[random() % v.size()];
    if (std::find(v.spellings.begin(), v.spellings.end(), left + right) == v.spellings.end()) {
      v.spellings.push_back(left + right);
      v.stays.push_back(false);
    }
    add_merge(v, numbers_of(v.spellings), left, right, v.needs.size() / 2);
  }
  std::vector<std::uint64_t> uses(v.size());
  for (auto& count : uses) count = random() % 4;
  const auto ranking = rank_tokens(v, uses);
  for (std::size_t leave = 0; leave <= v.size() - ranking.fewest; ++leave)
    BOOST_CHECK_NO_THROW(check_closed(v, kept_of(v, uses, leave)));
}

BOOST_AUTO_TEST_CASE(tokens_that_others_need_cannot_leave) {
  const vocabulary v = six_tokens();
  check_error<tamp::value_error>(
      "--structure vocabulary: token 3, 'ab', cannot leave: a merge of it makes token 4, 'abc', "
      "which stays",
      [&] { check_closed(v, std::vector<std::size_t>{0, 1, 2, 4, 5}); });
  check_error<tamp::value_error>(
      "--structure vocabulary: token 1, 'b', cannot leave: it is special, a beginning of other "
      "tokens, or named by the configuration",
      [&] { check_closed(v, std::vector<std::size_t>{0, 2}); });
  vocabulary other = v;
  check_error<tamp::value_error>(
      "--structure vocabulary: merge 7, 'a c', names 'ac', which is no token",
      [&] { add_merge(other, numbers_of(other.spellings), "a", "c", 7); });
  check_error<tamp::value_error>(
      "--structure vocabulary: merge 7 joins '' with 'ab', which is no pair",
      [&] { add_merge(other, numbers_of(other.spellings), "", "ab", 7); });
  check_error<tamp::value_error>("--structure vocabulary: uses of 2 tokens, and there are 6",
                                 [&] { rank_tokens(v, std::vector<std::uint64_t>{1, 2}); });
  check_error<tamp::value_error>(
      "--structure vocabulary: the text has token 6, and the embedding 6 rows",
      [] { tamp_prune::counts_of(std::vector<int>{0, 6}, 6); });
}

BOOST_AUTO_TEST_CASE(numbers_close_ranks) {
  const auto numbers = tamp_prune::new_numbers(5, std::vector<std::size_t>{1, 4});
  BOOST_TEST(!numbers[0]);
  BOOST_TEST(numbers[1].value() == 0u);
  BOOST_TEST(numbers[4].value() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
