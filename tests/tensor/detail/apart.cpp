#include <tamp/tensor/detail/apart.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <set>
#include <string>

#include "../../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(tensor_detail_apart)

using tamp::matrix_view;

namespace {

void check(matrix_view<float> m) { tamp::detail::check_apart("test", m, "the tensor"); }

// The definition: two elements have one address.
bool shares(std::size_t rows, std::size_t cols, std::ptrdiff_t down, std::ptrdiff_t across) {
  std::set<std::ptrdiff_t> places;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j)
      if (!places.insert(std::ptrdiff_t(i) * down + std::ptrdiff_t(j) * across).second) return true;
  return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(views_share_memory_where_two_elements_have_one_address) {
  float number = 0;
  for (std::size_t rows = 0; rows < 5; ++rows)
    for (std::size_t cols = 0; cols < 5; ++cols)
      for (std::ptrdiff_t down = -6; down <= 6; ++down)
        for (std::ptrdiff_t across = -6; across <= 6; ++across) {
          bool is_refused = false;
          try {
            check({&number, rows, cols, down, across});
          } catch (const tamp::shape_error&) {
            is_refused = true;
          }
          BOOST_TEST_INFO(rows << " x " << cols << ", strides " << down << " and " << across);
          BOOST_TEST(is_refused == shares(rows, cols, down, across));
        }
}

BOOST_AUTO_TEST_CASE(two_of_the_elements_are_named) {
  float numbers[6];
  support::check_error<tamp::shape_error>(
      "test: the elements (0, 2) and (1, 0) of the tensor share their memory: its strides are 2 "
      "and "
      "1",
      [&] { check({numbers, 2, 3, 2, 1}); });
}

BOOST_AUTO_TEST_SUITE_END()
