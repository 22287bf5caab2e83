#include <tamp/detail/drop_count.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(detail_drop_count)

using tamp::detail::drop_count;
using tamp::detail::proportion;
using tamp::detail::sparsity_that_drops;

BOOST_AUTO_TEST_CASE(a_fraction_is_multiplied_in_double_and_cut_as_published) {
  BOOST_TEST(drop_count(10, 0.5) == 5u);
  BOOST_TEST(drop_count(10, 0.29) == 2u);
  BOOST_TEST(drop_count(100, 0.29) == 28u);  // 0.29 * 100 is 28.999999999999996 in double
  BOOST_TEST(drop_count(49, 1.0 / 49) == 0u);
  BOOST_TEST(drop_count(0, 0.5) == 0u);
  BOOST_TEST(drop_count(7, 0.0) == 0u);
  BOOST_TEST(drop_count(7, 1.0) == 7u);
}

BOOST_AUTO_TEST_CASE(never_more_than_all) {
  constexpr auto most = std::numeric_limits<std::size_t>::max();
  BOOST_TEST(drop_count(most, 1.0) == most);
  BOOST_TEST(drop_count((std::size_t{1} << 53) + 3, std::nextafter(1.0, 0.0)) <=
             (std::size_t{1} << 53) + 3);
}

BOOST_AUTO_TEST_CASE(a_proportion_is_exact) {
  BOOST_TEST(proportion(490, 3, 980) == 1u);
  BOOST_TEST(proportion(490, 980, 980) == 490u);
  BOOST_TEST(proportion(0, 5, 9) == 0u);
  BOOST_TEST(proportion(5, 0, 9) == 0u);
  BOOST_TEST(proportion(0, 0, 0) == 0u);
  for (std::size_t whole = 1; whole < 40; ++whole)
    for (std::size_t count = 0; count <= whole; ++count)
      for (std::size_t part = 0; part <= whole; ++part)
        if (proportion(count, part, whole) != count * part / whole)
          BOOST_ERROR(count << " * " << part << " / " << whole);
  constexpr auto large = (std::size_t{1} << 62) + 1;  // where products do not fit 64 bits
  BOOST_TEST(proportion(large - 1, large - 1, large) == large - 2);
}

BOOST_AUTO_TEST_CASE(the_quotient_alone_is_one_short_for_many_counts) {
  std::size_t short_by_one = 0;
  for (std::size_t k = 0; k <= 1000; ++k)
    short_by_one += drop_count(1000, 1 - static_cast<double>(1000 - k) / 1000.0) != k;
  BOOST_TEST(short_by_one > 100u);  // else the next cases would show nothing
}

BOOST_AUTO_TEST_CASE(every_count_of_a_small_weight_comes_back) {
  for (std::size_t size = 0; size <= 1500; ++size)
    for (std::size_t count = 0; count <= size; ++count)
      if (drop_count(size, sparsity_that_drops(count, size)) != count)
        BOOST_ERROR(count << " of " << size);
}

BOOST_AUTO_TEST_CASE(every_count_comes_back_for_the_weight_and_for_each_of_its_rows) {
  for (std::size_t rows = 1; rows <= 30; ++rows)
    for (std::size_t cols = 1; cols <= 60; ++cols)
      for (std::size_t count = 0; count <= rows * cols; ++count) {
        const double s = sparsity_that_drops(count, rows * cols, rows);
        if (drop_count(rows * cols, s) != count || drop_count(cols, s) != count / rows)
          BOOST_ERROR(count << " of " << rows << " x " << cols);
      }
  std::mt19937_64 random(1);
  for (int k = 0; k < 200000; ++k) {
    const std::size_t rows = 1 + random() % 70000, cols = 1 + random() % 70000;
    const std::size_t count = k % 3 == 0 ? rows * (random() % (cols + 1))  // whole rows
                                         : random() % (rows * cols + 1);
    const double s = sparsity_that_drops(count, rows * cols, rows);
    if (drop_count(rows * cols, s) != count || drop_count(cols, s) != count / rows)
      BOOST_ERROR(count << " of " << rows << " x " << cols);
  }
}

BOOST_AUTO_TEST_CASE(every_count_comes_back_up_to_the_largest_weight) {
  std::mt19937_64 random(2);
  for (int k = 0; k < 300000; ++k) {
    const std::size_t size = (std::size_t{1} << 52) - random() % (std::size_t{1} << (1 + k % 52));
    const std::size_t near = random() % 4;  // the ends, too
    const std::size_t count = k % 4 == 0   ? std::min(near, size)
                              : k % 4 == 1 ? size - std::min(near, size)
                                           : random() % (size + 1);
    if (drop_count(size, sparsity_that_drops(count, size)) != count)
      BOOST_ERROR(count << " of " << size);
  }
  support::check_error<tamp::value_error>(
      "a weight of 4503599627370497 numbers is too large for counts in double",
      [] { sparsity_that_drops(1, (std::size_t{1} << 52) + 1); });
}

BOOST_AUTO_TEST_CASE(a_sparsity_that_says_so_already_is_kept) {
  BOOST_TEST(sparsity_that_drops(3, 10, 1, 1 - 0.7) == 1 - 0.7);
  BOOST_TEST(sparsity_that_drops(5, 10, 1, 0.5) == 0.5);
  BOOST_TEST(sparsity_that_drops(5, 10, 1, 0.4) == 0.5);
  BOOST_TEST(sparsity_that_drops(1, 3) == 1.0 / 3);
  BOOST_TEST(sparsity_that_drops(1, 49) == std::nextafter(1.0 / 49, 1.0));
  BOOST_TEST(sparsity_that_drops(0, 0, 0, 0.25) == 0.25);  // of nothing, anything is 0
}

BOOST_AUTO_TEST_SUITE_END()
