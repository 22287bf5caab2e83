#include <tamp/simd/mask_words.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <random>
#include <tuple>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(simd_mask_words)

using support::infinity;
using support::with_every_instructions;
using tamp::detail::with_mask_words;

namespace {

using reals = std::tuple<float, double>;

template <class Bits>
void check_zeroing() {
  for (const std::size_t size : {0u, 1u, 5u, 63u, 64u, 65u, 128u, 200u}) {
    std::mt19937_64 random(size);
    const std::vector<Bits> before(size + 4, static_cast<Bits>(0x8123456789abcdefu));
    std::vector<tamp::mask::word> words((size + 63) / 64);
    for (auto& word : words) word = random();
    for (const Bits zero : {Bits{0}, static_cast<Bits>(0x8000000080008055u)}) {
      std::vector<Bits> after = before, expected = before;
      with_mask_words([&](auto loops) {
        loops.replace_dropped(reinterpret_cast<std::byte*>(after.data()), size, words.data(), zero);
      });
      for (std::size_t j = 0; j < size; ++j)
        if ((words[j / 64] >> j % 64 & 1u) == 0) expected[j] = zero;
      BOOST_TEST(after == expected, boost::test_tools::per_element());
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(bits_are_set_above_the_threshold_and_nowhere_else) {
  with_every_instructions([] {
    for (const std::size_t size : {1u, 63u, 64u, 65u, 200u}) {
      std::vector<float> scores(size);
      for (std::size_t j = 0; j < size; ++j) scores[j] = static_cast<float>(j % 5) - 1;
      std::vector<tamp::mask::word> above((size + 63) / 64, 0x5555), not_below = above;
      with_mask_words([&](auto loops) {
        loops.keep_above(scores.data(), size, 1.0f, above.data());
        loops.template keep_above<true>(scores.data(), size, 1.0f, not_below.data());
      });
      for (std::size_t j = 0; j < above.size() * 64; ++j) {
        BOOST_TEST((above[j / 64] >> j % 64 & 1u) == (j < size && scores[j] > 1 ? 1u : 0u));
        BOOST_TEST((not_below[j / 64] >> j % 64 & 1u) == (j < size && scores[j] >= 1 ? 1u : 0u));
      }
    }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(bits_are_set_where_a_number_is_not_zero, Real, reals) {
  using limits = std::numeric_limits<Real>;
  const Real numbers[] = {0,
                          -Real{0},
                          1,
                          -1,
                          limits::denorm_min(),
                          -limits::denorm_min(),
                          (limits::max)(),
                          limits::infinity(),
                          -limits::infinity(),
                          limits::quiet_NaN(),
                          limits::signaling_NaN()};
  with_every_instructions([&] {
    for (const std::size_t size : {0u, 1u, 11u, 63u, 64u, 65u, 128u, 200u})
      for (std::size_t first = 0; first < std::size(numbers); ++first) {
        std::vector<Real> row(size);
        for (std::size_t j = 0; j < size; ++j) row[j] = numbers[(first + j) % std::size(numbers)];
        std::vector<tamp::mask::word> words((size + 63) / 64, 0x5555);
        with_mask_words(
            [&](auto loops) { loops.keep_nonzero(row.data(), row.size(), words.data()); });
        for (std::size_t j = 0; j < words.size() * 64; ++j) {
          const bool is_zero = j >= size || (first + j) % std::size(numbers) < 2;
          BOOST_TEST((words[j / 64] >> j % 64 & 1u) == (is_zero ? 0u : 1u));
        }
      }
  });
}

BOOST_AUTO_TEST_CASE(elements_of_any_width_are_zeroed_by_their_bits) {
  with_every_instructions([] {
    check_zeroing<std::uint8_t>();
    check_zeroing<std::uint16_t>();
    check_zeroing<std::uint32_t>();
    check_zeroing<std::uint64_t>();
  });
}

BOOST_AUTO_TEST_CASE(two_of_four_are_kept_whatever_equals_what) {
  // All groups of four different numbers or fewer.
  const float numbers[] = {-infinity, 0.0f, 0.5f, 7.0f};
  std::vector<float> scores;
  for (std::size_t k = 0; k < 256; ++k)
    for (const std::size_t digit : {k % 4, k / 4 % 4, k / 16 % 4, k / 64})
      scores.push_back(digit == 1 && k % 3 == 0 ? -0.0f : numbers[digit]);
  with_every_instructions([&] {
    std::vector<tamp::mask::word> words(16);
    with_mask_words(
        [&](auto loops) { loops.keep_2_of_4(scores.data(), scores.size(), words.data()); });
    for (std::size_t j = 0; j < scores.size(); ++j) {
      std::size_t before = 0;
      for (std::size_t k = j / 4 * 4; k < j / 4 * 4 + 4; ++k)
        before += scores[k] < scores[j] || (scores[k] == scores[j] && k < j);
      BOOST_TEST((words[j / 64] >> j % 64 & 1u) == (before >= 2 ? 1u : 0u));
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
