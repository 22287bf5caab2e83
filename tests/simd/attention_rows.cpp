#include <tamp/simd/attention_rows.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <limits>
#include <tuple>
#include <vector>

#include "../support/instructions.hpp"

BOOST_AUTO_TEST_SUITE(simd_attention_rows)

using support::with_every_instructions;
using tamp::detail::with_attention_rows;
using reals = std::tuple<float, double>;

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_no_attention_is_seen_wherever_it_stands, T, reals) {
  using limits = std::numeric_limits<T>;
  with_every_instructions([] {
    with_attention_rows([](auto loops) {
      for (const std::size_t size : {1u, 3u, 8u, 9u, 40u})
        for (std::size_t j = 0; j < size; ++j) {
          std::vector<T> row(size, T(0.5));
          for (const T good : {T(0), -T(0), limits::denorm_min(), limits::max()}) {
            row[j] = good;
            BOOST_TEST_REQUIRE(loops.are_attention(row.data(), size));
          }
          for (const T bad : {-limits::denorm_min(), T(-1), limits::infinity(), -limits::infinity(),
                              limits::quiet_NaN()}) {
            row[j] = bad;
            BOOST_TEST_REQUIRE(!loops.are_attention(row.data(), size));
          }
        }
      BOOST_TEST(loops.are_attention(static_cast<const T*>(nullptr), 0));
    });
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(numbers_that_are_not_zero_have_a_first_and_a_last, T, reals) {
  with_every_instructions([] {
    with_attention_rows([](auto loops) {
      for (const std::size_t size : {0u, 1u, 5u, 31u, 32u, 33u, 100u}) {
        std::vector<T> row(size, -T(0));  // which is zero
        BOOST_TEST_REQUIRE(loops.first_nonzero(row.data(), size) == size);
        BOOST_TEST_REQUIRE(loops.past_last_nonzero(row.data(), size) == 0u);
        for (std::size_t first = 0; first < size; ++first)
          for (std::size_t last = first; last < size; last += 7) {
            std::fill(row.begin(), row.end(), T(0));
            row[first] = row[last] = std::numeric_limits<T>::denorm_min();
            BOOST_TEST_REQUIRE(loops.first_nonzero(row.data(), size) == first);
            BOOST_TEST_REQUIRE(loops.past_last_nonzero(row.data(), size) == last + 1);
            BOOST_TEST_REQUIRE(loops.any_nonzero(row.data(), size));
            BOOST_TEST_REQUIRE(!loops.any_nonzero(row.data(), first));
          }
      }
    });
  });
}

BOOST_AUTO_TEST_SUITE_END()
