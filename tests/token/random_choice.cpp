#include <tamp/token/random_choice.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_random_choice)

using support::indices;
using tamp::modality;
using chance = tamp::token::random_choice;  // POSIX has a function of that name
using tamp::token::select;
using enum tamp::modality;

namespace {

// One step of SplitMix64 from a state.
std::uint64_t split_mix(std::uint64_t state) {
  std::uint64_t z = state + 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

indices kept(std::uint64_t seed, std::uint64_t sequence, std::size_t visual, std::size_t keep) {
  const std::vector<modality> kinds(visual, image);
  return select({.kinds = kinds, .sequence = sequence}, chance{seed}, {keep}).kept;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_tokens_lot_is_the_hash_of_seed_sequence_and_position) {
  BOOST_TEST(split_mix(0) == 0xe220a8397b1dcdafu);  // the generator's first number from state 0
  for (const std::uint64_t seed : {0u, 7u})
    for (const std::uint64_t sequence : {0u, 3u}) {
      std::vector<std::pair<std::uint64_t, std::size_t>> lots;
      for (std::size_t t = 0; t < 10; ++t)
        lots.emplace_back(split_mix(split_mix(split_mix(seed) ^ sequence) ^ t), t);
      std::sort(lots.rbegin(), lots.rend());
      indices expected;
      for (std::size_t k = 0; k < 4; ++k) expected.push_back(lots[k].second);
      std::sort(expected.begin(), expected.end());
      BOOST_TEST(kept(seed, sequence, 10, 4) == expected, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) { support::check_selector(chance{5}, {}); }

BOOST_AUTO_TEST_CASE(seed_and_sequence_make_a_difference) {
  BOOST_TEST((kept(0, 0, 40, 20) != kept(1, 0, 40, 20)));
  BOOST_TEST((kept(0, 0, 40, 20) != kept(0, 1, 40, 20)));
  BOOST_TEST((kept(0, 0, 40, 20) == kept(0, 0, 40, 20)));
}

BOOST_AUTO_TEST_CASE(who_survives_one_layer_is_as_lucky_in_the_next) {
  const auto s = support::scene_of(support::around_image(2, 30, 3), 1);
  const indices once = support::visual_kept(s, select(s.context(), chance{3}, {7}));
  const indices first = support::visual_kept(s, select(s.context(), chance{3}, {15}));
  const std::vector<modality> kinds(15, image);
  const auto then = select({.kinds = kinds, .positions = first}, chance{3}, {7}).kept;
  indices twice;
  for (const std::size_t t : then) twice.push_back(first[t]);
  BOOST_TEST(twice == once, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_token_is_kept_as_often_as_any) {
  std::vector<std::size_t> times(16);
  for (std::uint64_t sequence = 0; sequence < 4000; ++sequence)
    for (const std::size_t t : kept(11, sequence, 16, 4)) ++times[t];
  // 1000 each, give or take 27.
  for (const std::size_t n : times) BOOST_TEST((n > 860 && n < 1140), n);
}

BOOST_AUTO_TEST_SUITE_END()
