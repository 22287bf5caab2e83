#include <tamp/simd/conversion.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <utility>
#include <vector>

#include "../support/instructions.hpp"

BOOST_AUTO_TEST_SUITE(simd_conversion)

using support::with_every_instructions;
using tamp::detail::with_conversion;

namespace {

template <class Element>
void check_tile(std::size_t rows, std::size_t cols) {
  const std::size_t stride = rows + 3, pitch = cols + 5;
  std::vector<Element> columns(stride * cols);
  using real = tamp::compute_type<Element>;
  for (std::size_t k = 0; k < columns.size(); ++k)
    columns[k] = tamp::element_traits<Element>::store(static_cast<real>(k % 251) / 4);
  std::vector<real> tile(rows * pitch + 1, -1);
  with_conversion([&](auto loops) {
    loops.rows_of_columns(columns.data(), static_cast<std::ptrdiff_t>(stride), rows, cols,
                          tile.data(), pitch);
  });
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < pitch; ++j)
      wrong += tile[i * pitch + j] !=
               (j < cols ? tamp::element_traits<Element>::load(columns[j * stride + i]) : real{-1});
  BOOST_TEST(wrong == 0u);
}

}  // namespace

BOOST_AUTO_TEST_CASE(tiles_of_columns_become_rows) {
  with_every_instructions([] {
    for (const auto& [rows, cols] :
         {std::pair<std::size_t, std::size_t>{1, 1}, {3, 70}, {16, 16}, {37, 50}, {64, 9}}) {
      check_tile<float>(rows, cols);
      check_tile<double>(rows, cols);
      check_tile<tamp::f16>(rows, cols);
      check_tile<tamp::bf16>(rows, cols);
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
