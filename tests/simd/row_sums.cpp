#include <tamp/simd/row_sums.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(simd_row_sums)

using support::with_every_instructions;
using tamp::detail::with_row_sums;

BOOST_AUTO_TEST_CASE(sums_in_double_have_the_same_bits_for_every_length_of_vector) {
  const auto numbers = support::random_matrix(9, 333, 1);
  std::vector<std::vector<double>> seen;
  with_every_instructions([&] {
    std::vector<double> sums, columns(333), squares(333);
    with_row_sums([&](auto loops) {
      for (const std::size_t size : {0u, 1u, 15u, 16u, 17u, 333u})
        sums.push_back(loops.sum_in_double(numbers.data(), size));
      for (std::size_t i = 0; i < 9; ++i)
        sums.push_back(loops.add_absolute(numbers.data() + i * 333, 333, columns.data()));
      loops.add_squares(numbers.data(), 333, 9, 333, squares.data());
    });
    double sum = 0, absolute = 0, square = 0;
    for (std::size_t j = 0; j < 333; ++j) sum += static_cast<double>(numbers(0, j));
    BOOST_TEST(sums[5] == sum, boost::test_tools::tolerance(1e-12));
    for (std::size_t i = 0; i < 9; ++i) {
      const auto number = static_cast<double>(numbers(i, 332));
      absolute += std::fabs(number);
      square += number * number;
    }
    BOOST_TEST(columns[332] == absolute);
    BOOST_TEST(squares[332] == square);
    sums.insert(sums.end(), columns.begin(), columns.end());
    sums.insert(sums.end(), squares.begin(), squares.end());
    seen.push_back(sums);
  });
  for (const auto& sums : seen) BOOST_TEST((sums == seen.front()));
}

BOOST_AUTO_TEST_CASE(elements_are_added_like_the_numbers_they_are) {
  const auto numbers = support::random_matrix(1, 333, 2);
  std::vector<tamp::bf16> elements;
  std::vector<float> loaded;
  for (std::size_t j = 0; j < 333; ++j) {
    elements.push_back(tamp::element_traits<tamp::bf16>::store(numbers(0, j)));
    loaded.push_back(tamp::element_traits<tamp::bf16>::load(elements.back()));
  }
  with_every_instructions([&] {
    with_row_sums([&](auto loops) {
      std::vector<double> columns(333, 1.0), expected(333, 1.0);
      BOOST_TEST(loops.add_absolute(elements.data(), 333, columns.data()) ==
                 loops.add_absolute(loaded.data(), 333, expected.data()));
      BOOST_TEST(columns == expected, boost::test_tools::per_element());
    });
  });
}

BOOST_AUTO_TEST_CASE(weighted_squares_leave_out_rows_of_weight_zero) {
  // More rows than are read side by side, of which few or many count.
  for (const std::size_t every : {1u, 2u, 7u}) {
    const auto numbers = support::random_matrix(40, 333, 3);
    auto broken = numbers;
    std::vector<double> weights(40), expected(333, 1.0);
    for (std::size_t i = 0; i < 40; ++i) {
      weights[i] = i % every == 0 ? 0.5 + static_cast<double>(i) : 0.0;
      for (std::size_t j = 0; j < 333; ++j)
        if (weights[i] == 0)
          broken(i, j) = support::not_a_number;
        else
          expected[j] += static_cast<double>(numbers(i, j)) * weights[i] * double{numbers(i, j)};
    }
    std::vector<double> ones(40);
    for (std::size_t i = 0; i < 40; i += every) ones[i] = 1;
    with_every_instructions([&] {
      with_row_sums([&](auto loops) {
        std::vector<double> sums(333, 1.0), equal(333, 1.0), alone(333, 1.0);
        loops.add_weighted_squares(broken.data(), 333, 40, 333, weights.data(), sums.data());
        for (std::size_t j = 0; j < 333; ++j)
          BOOST_TEST(sums[j] == expected[j], boost::test_tools::tolerance(1e-14));
        loops.add_weighted_squares(broken.data(), 333, 40, 333, ones.data(), equal.data());
        for (std::size_t i = 0; i < 40; i += every)
          loops.add_squares(numbers.data() + i * 333, 0, 1, 333, alone.data());
        BOOST_TEST(equal == alone, boost::test_tools::per_element());
      });
    });
  }
}

BOOST_AUTO_TEST_SUITE_END()
