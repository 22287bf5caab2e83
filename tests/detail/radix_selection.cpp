#include <tamp/detail/radix_selection.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

BOOST_AUTO_TEST_SUITE(detail_radix_selection)

using tamp::detail::radix_selection;

namespace {

template <class Key>
bool run(radix_selection<Key>& find, const std::vector<Key>& keys) {
  while (!find.is_done()) {
    std::vector<std::size_t> count(find.digits(), 0);
    for (const Key key : keys)
      if (find.is_open(key)) ++count[find.digit(key)];
    if (!find.enter(count)) return false;
  }
  return true;
}

template <class Key>
void check(std::vector<Key> keys, int width) {
  std::vector<Key> sorted = keys;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t rank = 1; rank <= keys.size(); rank += 1 + keys.size() / 7) {
    radix_selection<Key> find(rank, width);
    BOOST_REQUIRE(run(find, keys));
    const Key key = sorted[rank - 1];
    BOOST_TEST(find.key() == key);
    const auto below = std::lower_bound(sorted.begin(), sorted.end(), key) - sorted.begin();
    BOOST_TEST(find.rank() == rank - static_cast<std::size_t>(below));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(digit_by_digit_the_key_of_a_rank_is_found) {
  // 0x12, 0x31, 0x34, 0x34, 0x50 by digits of four bits: the fourth begins with 3, and among those
  // it is the second 4.
  const std::vector<std::uint8_t> keys{0x34, 0x12, 0x50, 0x34, 0x31};
  radix_selection<std::uint8_t> find(4, 4);
  BOOST_TEST(find.digits() == 16u);
  std::vector<std::size_t> count(16, 0);
  for (const std::uint8_t key : keys) ++count[find.digit(key)];
  BOOST_TEST(find.enter(count));
  BOOST_TEST(find.is_open(0x34));
  BOOST_TEST(!find.is_open(0x12));
  BOOST_TEST(find.digit(0x34) == 4u);
  BOOST_TEST(run(find, keys));
  BOOST_TEST(find.key() == 0x34);
  BOOST_TEST(find.rank() == 2u);
}

BOOST_AUTO_TEST_CASE(a_thread_that_finds_the_digit_enters_it) {
  // The keys of above: one is below 0x30, and one of those that begin with 3 is below 0x34.
  radix_selection<std::uint8_t> find(4, 4);
  BOOST_TEST(find.key() == 0xff);
  BOOST_TEST(find.rank() == 4u);
  find.enter(3, 1);
  BOOST_TEST(find.key() == 0x3f);
  BOOST_TEST(find.rank() == 3u);
  BOOST_TEST(!find.is_done());
  find.enter(4, 1);
  BOOST_TEST(find.key() == 0x34);
  BOOST_TEST(find.rank() == 2u);
  BOOST_TEST(find.is_done());
}

BOOST_AUTO_TEST_CASE(it_finds_what_sorting_finds_for_any_width_of_digits) {
  std::mt19937_64 random(3);
  for (const std::size_t size : {1u, 2u, 30u, 200u})
    for (const int width : {1, 7, 8, 11}) {
      std::vector<std::uint32_t> some(size), ties(size);
      std::vector<std::uint64_t> wide(size);
      for (auto& key : some) key = static_cast<std::uint32_t>(random());
      for (auto& key : ties) key = static_cast<std::uint32_t>(0x80000000u + random() % 3);
      for (auto& key : wide) key = random();
      check(some, width);
      check(ties, width);
      check(wide, width);
    }
  check<std::uint8_t>({255, 0, 255, 0, 128}, 8);
}

BOOST_AUTO_TEST_CASE(bits_that_all_keys_share_are_skipped) {
  const std::vector<std::uint8_t> keys{0x83, 0x81, 0x8f};
  radix_selection<std::uint8_t> find(2, 4, 0x80, 4);
  std::size_t rounds = 0;
  for (; !find.is_done(); ++rounds) {
    std::vector<std::size_t> count(find.digits(), 0);
    for (const std::uint8_t key : keys) ++count[find.digit(key)];
    BOOST_REQUIRE(find.enter(count));
  }
  BOOST_TEST(rounds == 1u);
  BOOST_TEST(find.key() == 0x83);
}

BOOST_AUTO_TEST_CASE(keys_that_are_fewer_than_the_rank_are_noticed) {
  radix_selection<std::uint32_t> find(3, 11);
  BOOST_TEST(!run(find, {1, 2}));
}

BOOST_AUTO_TEST_SUITE_END()
