#include <tamp/simd/kept_elements.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <tuple>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/sparse.hpp"

BOOST_AUTO_TEST_SUITE(simd_kept_elements)

using support::with_every_instructions;
using tamp::detail::with_kept_elements;

namespace {

using element_bits = std::tuple<std::uint8_t, std::uint16_t, std::uint32_t>;

template <class Bits>
std::vector<Bits> packed(std::span<const Bits> row, const std::vector<tamp::mask::word>& words) {
  constexpr std::size_t vector = 64;
  // Whole vectors are written, up to one past the last kept element.
  std::vector<Bits> out(row.size() + vector / sizeof(Bits), static_cast<Bits>(0x55555555u));
  with_kept_elements([&](auto loops) {
    loops.template pack_row<sizeof(Bits)>(std::as_bytes(row).data(), words.data(), row.size(),
                                          reinterpret_cast<std::byte*>(out.data()));
  });
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_kept_elements_of_a_row_by_hand) {
  with_every_instructions([] {
    const std::vector<std::uint16_t> row{10, 11, 12, 13, 14};
    const auto out = packed<std::uint16_t>(row, {0b10110});
    BOOST_TEST(out[0] == 11u);
    BOOST_TEST(out[1] == 12u);
    BOOST_TEST(out[2] == 14u);
  });
}

// The row ends where memory ends. Nothing of it is read beyond.
BOOST_AUTO_TEST_CASE_TEMPLATE(elements_of_any_width_follow_each_other, Bits, element_bits) {
  with_every_instructions([] {
    std::mt19937_64 random(1);
    for (const std::size_t size : {0u, 1u, 5u, 15u, 16u, 63u, 64u, 65u, 128u, 200u})
      for (int density = 0; density < 5; ++density) {
        std::vector<Bits> row(size);
        for (auto& element : row) element = static_cast<Bits>(random());
        std::vector<tamp::mask::word> words((size + 63) / 64);
        for (auto& word : words)
          word = density == 0   ? 0
                 : density == 4 ? ~tamp::mask::word{0}
                 : density == 1 ? random() & random() & random()
                                : random();
        if (size % 64 != 0) words.back() &= ~tamp::mask::word{0} >> (64 - size % 64);
        std::vector<Bits> expected;
        for (std::size_t j = 0; j < size; ++j)
          if ((words[j / 64] >> j % 64 & 1u) != 0) expected.push_back(row[j]);
        const support::fenced<Bits> fenced(row);
        auto out = packed<Bits>(fenced.numbers(), words);
        out.resize(expected.size());
        BOOST_TEST((out == expected));
      }
  });
}

BOOST_AUTO_TEST_SUITE_END()
