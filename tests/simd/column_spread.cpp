#include <tamp/simd/column_spread.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(simd_column_spread)

BOOST_AUTO_TEST_CASE(differences_and_their_squares_are_added) {
  for (const std::size_t cols : {0u, 1u, 15u, 16u, 17u, 50u})
    for (std::size_t count = 0; count <= 8; ++count) {
      const auto rows = support::random_matrix(9, cols, unsigned(cols + count));
      std::vector<double> first_sums, first_squares;
      support::with_every_instructions([&] {
        const float* part[8];
        for (std::size_t i = 0; i < count; ++i) part[i] = rows.data() + i * cols;
        std::vector<double> sums(cols, 0.5), squares(cols, 0.25);
        tamp::detail::with_column_spread([&](auto loops) {
          loops.add_differences(part, count, rows.data() + 8 * cols, cols, sums.data(),
                                squares.data());
        });
        for (std::size_t j = 0; j < cols; ++j) {
          double sum = 0.5, square = 0.25;
          for (std::size_t i = 0; i < count; ++i) {
            const double d = double(rows(i, j)) - double(rows(8, j));
            sum += d;
            square += d * d;
          }
          BOOST_TEST(std::abs(sums[j] - sum) <= 1e-13);
          BOOST_TEST(std::abs(squares[j] - square) <= 1e-13);
        }
        if (first_sums.empty()) first_sums = sums, first_squares = squares;
        BOOST_TEST(sums == first_sums, boost::test_tools::per_element());
        BOOST_TEST(squares == first_squares, boost::test_tools::per_element());
      });
    }
}

BOOST_AUTO_TEST_SUITE_END()
