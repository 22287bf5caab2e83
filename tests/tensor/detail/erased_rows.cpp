#include <tamp/tensor/detail/erased_rows.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <tamp/tensor/any_view.hpp>
#include <type_traits>
#include <vector>

#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(tensor_erased_rows)

using support::matrix;
using tamp::any_view;

namespace {

// The numbers of each tensor, row by row, and whether they were read as double.
struct seen {
  std::vector<double> numbers;
  bool as_double = false;
};

template <class... Tensors>
seen read_all(const Tensors&... tensors) {
  seen all;
  tamp::detail::with_sources(
      [&](const auto&... sources) {
        const auto read = [&](const auto& source) {
          tamp::detail::row_reader reader(source);
          for (std::size_t i = 0; i < static_cast<std::size_t>(source.rows()); ++i) {
            const auto row = reader(i);
            BOOST_TEST(row.size() == static_cast<std::size_t>(source.cols()));
            using number = typename decltype(row)::value_type;
            all.as_double = all.as_double || std::is_same_v<number, double>;
            for (const auto x : row) all.numbers.push_back(double(x));
          }
        };
        (read(sources), ...);
      },
      tensors...);
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(tensors_of_known_types_are_read_as_they_are) {
  const matrix<float> a{{1, 2}, {3, 4}};
  const support::readable_rows b{{{5, 6, 7}}};
  const seen all = read_all(a, b);
  BOOST_TEST(all.numbers == (std::vector<double>{1, 2, 3, 4, 5, 6, 7}));
  BOOST_TEST(!all.as_double);
}

BOOST_AUTO_TEST_CASE(one_of_a_type_known_at_run_time_is_read_with_the_others) {
  const matrix<tamp::bf16> half = support::as<tamp::bf16>(matrix<float>{{1, 2}, {3, 4}});
  const support::readable_rows rows{{{5, 6, 7}}};
  const seen all = read_all(any_view(tamp::view(half)).transposed(), rows);
  BOOST_TEST(all.numbers == (std::vector<double>{1, 3, 2, 4, 5, 6, 7}));
  BOOST_TEST(!all.as_double);
}

BOOST_AUTO_TEST_CASE(doubles_lose_nothing_and_make_all_others_doubles) {
  const matrix<double> a{{0.1, 1e300}};
  const matrix<float> b{{0.1f}};
  const seen all = read_all(any_view(tamp::view(a)), b);
  BOOST_TEST(all.numbers == (std::vector<double>{0.1, 1e300, double(0.1f)}));
  BOOST_TEST(all.as_double);
}

BOOST_AUTO_TEST_CASE(tensors_without_elements_have_no_rows) {
  BOOST_TEST(read_all(any_view(), matrix<float>{}).numbers.empty());
}

BOOST_AUTO_TEST_SUITE_END()
