#include <tamp/simd/swap_costs.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(simd_swap_costs)

using support::with_every_instructions;
using tamp::detail::no_cost;
using tamp::detail::rounded_product;
using tamp::detail::with_swap_costs;
using numbers = std::vector<double>;

namespace {

constexpr std::size_t sizes[] = {1, 3, 8, 13, 40, 67};

std::size_t padded(std::size_t size) { return (size + 7) / 8 * 8; }

numbers random_row(std::size_t size, unsigned seed) {
  const auto m = support::random_matrix(1, size, seed);
  numbers row(padded(size));
  for (std::size_t j = 0; j < size; ++j) row[j] = double(m(0, j)) * 1.1;
  return row;
}

}  // namespace

BOOST_AUTO_TEST_CASE(costs_go_to_their_side) {
  with_every_instructions([] {
    for (const std::size_t size : sizes) {
      const auto squares = random_row(size, 1), slopes = random_row(size, 2),
                 products = random_row(size, 3), lengths = random_row(size, 4);
      numbers sides(padded(size)), drop(padded(size)), restore(padded(size));
      for (std::size_t j = 0; j < size; ++j) sides[j] = j % 3 == 0 ? 1 : -1;
      const auto found = with_swap_costs([&](auto loops) {
        return loops.costs(squares.data(), slopes.data(), sides.data(), products.data(),
                           lengths.data(), padded(size), drop.data(), restore.data());
      });
      double least_drop = no_cost, least_restore = no_cost, largest = 0, longest = 0;
      for (std::size_t j = 0; j < padded(size); ++j) {
        const double cost = squares[j] + rounded_product(slopes[j], products[j]);
        BOOST_TEST(drop[j] == (sides[j] > 0 ? cost : no_cost));
        BOOST_TEST(restore[j] == (sides[j] < 0 ? cost : no_cost));
        least_drop = (std::min)(least_drop, drop[j]);
        least_restore = (std::min)(least_restore, restore[j]);
        largest = (std::max)(largest, std::abs(cost));
        if (sides[j] < 0) longest = (std::max)(longest, lengths[j]);
      }
      BOOST_TEST(found.drop == least_drop);
      BOOST_TEST(found.restore == least_restore);
      BOOST_TEST(found.largest == largest);
      BOOST_TEST(found.length == longest);
      const auto place = with_swap_costs(
          [&](auto loops) { return loops.place_of_least(drop.data(), found.drop, padded(size)); });
      BOOST_TEST(drop[place] == found.drop);
      for (std::size_t j = 0; j < place; ++j) BOOST_TEST(drop[j] > found.drop);
    }
  });
}

BOOST_AUTO_TEST_CASE(an_exchange_rounds_each_product) {
  with_every_instructions([] {
    for (const std::size_t size : sizes) {
      const auto a = random_row(size, 5), b = random_row(size, 6);
      numbers sums = random_row(size, 7);
      const numbers before = sums;
      // Rows are read to their end and no further.
      const numbers first(a.begin(), a.begin() + std::ptrdiff_t(size));
      const numbers second(b.begin(), b.begin() + std::ptrdiff_t(size));
      with_swap_costs([&](auto loops) {
        loops.exchange(0.3, first.data(), 0.7, second.data(), size, sums.data());
      });
      for (std::size_t j = 0; j < size; ++j)
        BOOST_TEST(sums[j] ==
                   before[j] + (rounded_product(0.3, a[j]) - rounded_product(0.7, b[j])));
    }
  });
}

BOOST_AUTO_TEST_CASE(the_least_exchange_is_that_of_all_pairs) {
  with_every_instructions([] {
    for (const std::size_t size : sizes) {
      const auto costs = random_row(size, 8), weights = random_row(size, 9);
      const auto padded_row = random_row(size, 10);
      const numbers row(padded_row.begin(), padded_row.begin() + std::ptrdiff_t(size));
      numbers of_side = costs;
      for (std::size_t j = 0; j < padded(size); ++j)
        if (j >= size || (size > 1 && j % 2 == 0)) of_side[j] = no_cost;
      double least = no_cost;
      for (std::size_t j = 0; j < size; ++j)
        if (of_side[j] != no_cost)
          least =
              (std::min)(least, (0.4 + of_side[j]) -
                                    rounded_product(2 * rounded_product(1.3, weights[j]), row[j]));
      const double found = with_swap_costs([&](auto loops) {
        return loops.least_exchange(0.4, 1.3, row.data(), of_side.data(), weights.data(), size);
      });
      BOOST_TEST(found == least);
    }
  });
}

BOOST_AUTO_TEST_CASE(places_within_a_limit_are_in_order) {
  with_every_instructions([] {
    for (const std::size_t size : sizes) {
      auto costs = random_row(size, 11);
      const auto reaches = random_row(size, 12);
      for (std::size_t j = size; j < padded(size); ++j) costs[j] = no_cost;
      for (const double limit : {-1.0, 0.0, 0.5, 1e10}) {
        std::vector<std::uint32_t> places(padded(size));
        places.resize(with_swap_costs([&](auto loops) {
          return loops.places_within(costs.data(), reaches.data(), 0.25, limit, padded(size),
                                     places.data());
        }));
        std::vector<std::uint32_t> expected;
        for (std::size_t j = 0; j < size; ++j)
          if (costs[j] - rounded_product(reaches[j], 0.25) <= limit)
            expected.push_back(std::uint32_t(j));
        BOOST_TEST(places == expected, boost::test_tools::per_element());
      }
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
