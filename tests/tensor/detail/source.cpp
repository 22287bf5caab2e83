#include <tamp/tensor/detail/source.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(tensor_detail_source)

using support::check_error;
using support::matrix;
using support::readable_rows;
using tamp::matrix_view;
using tamp::detail::is_view;
using tamp::detail::source;

namespace {

// A tensor that states any extents.
template <class Extent>
struct stated_extents {
  Extent rows_, cols_;
  Extent rows() const { return rows_; }
  Extent cols() const { return cols_; }
  void read_row(std::size_t, std::span<float>) const {}
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_source_is_a_view_or_the_row_tensor_itself) {
  matrix<float> w(2, 3);
  static_assert(std::is_same_v<decltype(source(w)), matrix_view<float>>);
  static_assert(std::is_same_v<decltype(source(std::as_const(w))), matrix_view<const float>>);
  static_assert(std::is_same_v<decltype(source(tamp::view(w))), matrix_view<float>>);
  BOOST_TEST(source(w).data() == w.data());
  readable_rows rows{w};
  BOOST_TEST(&source(rows) == &rows);
  static_assert(std::is_same_v<decltype(source(std::as_const(rows))), const readable_rows&>);
}

BOOST_AUTO_TEST_CASE(views_are_told_from_row_tensors) {
  static_assert(is_view<matrix_view<float>> && is_view<matrix_view<const double>>);
  BOOST_TEST(!is_view<readable_rows>);
  BOOST_TEST(!is_view<matrix<float>>);
}

BOOST_AUTO_TEST_CASE(views_that_no_memory_is_behind_are_refused) {
  check_error<tamp::shape_error>("tensor: 2 x 4 elements lie at a null pointer",
                                 [] { source(matrix_view<float>(nullptr, 2, 4)); });
  BOOST_TEST(source(matrix_view<float>(nullptr, 0, 4)).empty());
}

BOOST_AUTO_TEST_CASE(extents_that_no_tensor_has_are_refused) {
  const auto check = [](std::string_view sentence, const auto& tensor) {
    check_error<tamp::shape_error>(sentence, [&] { source(tensor); });
  };
  check("tensor: there cannot be -1 rows", stated_extents<int>{-1, 4});
  check("tensor: there cannot be -1 columns", stated_extents<long long>{4, -1});
  check("tensor: there cannot be -128 columns", stated_extents<signed char>{0, -128});
  check("tensor: 288230376151711744 x 4096 elements are more than memory can hold",
        stated_extents<std::size_t>{std::size_t{1} << 58, 4096});
  BOOST_CHECK_NO_THROW(source(stated_extents<short>{2, 4}));
  BOOST_CHECK_NO_THROW(source(stated_extents<std::size_t>{std::size_t{1} << 58, 0}));
}

BOOST_AUTO_TEST_SUITE_END()
