#include <tamp/token/detail/strided_numbers.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tamp/tensor/any_view.hpp>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/stored_numbers.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_strided_numbers)

using support::check_error;
using tamp::dtype;
using tamp::detail::number_type_for;
using tamp::detail::number_type_of;
using tamp::detail::numbers_of;
using tamp::detail::strided_numbers;

namespace {

// Different for every place, and exact in 8 bits of significand.
float number(std::size_t i, std::size_t j, std::size_t k) {
  return float(int(i * 97 + j * 31 + k * 7) % 253 - 126) / 16;
}

template <class T>
void check_loading(float (*at)(std::size_t, std::size_t, std::size_t)) {
  for (const std::size_t length : {1u, 5u, 64u, 133u})
    support::in_every_storage<T>({2, 21, length}, at, [&](const auto& host, const auto& name) {
      BOOST_TEST_CONTEXT(name << ", " << length << " numbers a line") {
        const strided_numbers n("who", host.data(), number_type_of<T>, host.extents, host.strides);
        BOOST_TEST(n.size() == 2 * 21 * length);
        BOOST_CHECK_NO_THROW(n.check_memory("who"));
        const std::size_t pitch = length + 3;
        for (const auto& [first, count] :
             {std::pair<std::size_t, std::size_t>{0, 21}, {20, 1}, {3, 9}}) {
          std::vector<float> lines(count * pitch, -1000.0f);
          n.load(1, first, count, lines.data(), pitch);
          std::size_t wrong = 0;
          for (std::size_t j = 0; j < count; ++j)
            for (std::size_t k = 0; k < pitch; ++k)
              wrong += lines[j * pitch + k] != (k < length ? at(1, first + j, k) : -1000.0f);
          BOOST_TEST(wrong == 0u);
        }
        BOOST_TEST(n.number(1, 20, length - 1) == at(1, 20, length - 1));
        if (n.has_lines_in_place()) {
          BOOST_TEST(n.line(1, 4)[length - 1] == at(1, 4, length - 1));
          BOOST_TEST((static_cast<const void*>(n.line(0, 0)) == host.data()));
        }
      }
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const std::vector<double> host{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  // Lines of two, which begin at 0, 4, 8 and, with the first axis, one further.
  const strided_numbers n("who", host.data(), number_type_of<double>, {2, 3, 2}, {1, 4, 2});
  std::vector<float> lines(6);
  n.load(1, 0, 3, lines.data(), 2);
  BOOST_TEST(lines == (std::vector<float>{1, 3, 5, 7, 9, 11}), boost::test_tools::per_element());
  BOOST_TEST(n.number(0, 2, 1) == 10.0f);
  BOOST_TEST(n.type().name == "F64");
  BOOST_TEST(!n.has_lines_in_place());
}

BOOST_AUTO_TEST_CASE(numbers_of_every_type_are_read_at_every_stride) {
  check_loading<float>(number);
  check_loading<double>(number);
  check_loading<tamp::f16>(number);
  check_loading<tamp::bf16>(number);
  check_loading<support::host_half>(number);
  check_loading<support::host_eighths>(+[](std::size_t i, std::size_t j, std::size_t k) {
    return float(int(i * 97 + j * 31 + k * 7) % 253 - 126) / 8;
  });
  const auto few = +[](std::size_t i, std::size_t j, std::size_t k) {
    return float(int(i + 3 * j + 5 * k) % 15 - 7);
  };
  check_loading<tamp::f8_e4m3>(few);
  check_loading<std::int8_t>(few);
  check_loading<tamp::f8_e5m2>(
      +[](std::size_t i, std::size_t j, std::size_t k) { return float(int(i + j + k) % 9 - 4); });
}

BOOST_AUTO_TEST_CASE(a_double_is_rounded_to_float) {
  const double third = 1.0 / 3, large = 1e300;
  BOOST_TEST(
      strided_numbers("who", &third, number_type_of<double>, {1, 1, 1}, {}).number(0, 0, 0) ==
      1.0f / 3);
  BOOST_TEST(
      strided_numbers("who", &large, number_type_of<double>, {1, 1, 1}, {}).number(0, 0, 0) ==
      support::infinity);
}

BOOST_AUTO_TEST_CASE(the_types_of_a_dtype_are_those_of_cpp) {
  BOOST_TEST((&number_type_for("who", dtype::f64) == &number_type_of<double>));
  BOOST_TEST((&number_type_for("who", dtype::f32) == &number_type_of<float>));
  BOOST_TEST((&number_type_for("who", dtype::f16) == &number_type_of<tamp::f16>));
  BOOST_TEST((&number_type_for("who", dtype::bf16) == &number_type_of<tamp::bf16>));
  BOOST_TEST((&number_type_for("who", dtype::f8_e4m3) == &number_type_of<tamp::f8_e4m3>));
  BOOST_TEST((&number_type_for("who", dtype::f8_e5m2) == &number_type_of<tamp::f8_e5m2>));
  BOOST_TEST((&number_type_for("who", dtype::i8) == &number_type_of<std::int8_t>));
  BOOST_TEST(number_type_of<support::host_half>.name == "F16");
  BOOST_TEST(number_type_of<support::host_eighths>.name == "of a type of the host");
  check_error<tamp::value_error>(
      "who: the numbers are I64, and tamp reads F64, F32, F16, BF16, F8_E4M3, F8_E5M2 and I8",
      [] { number_type_for("who", dtype::i64); });
}

BOOST_AUTO_TEST_CASE(nothing_is_read_of_no_numbers) {
  for (const auto& extents : {std::array<std::size_t, 3>{0, 2, 3}, {2, 0, 3}, {2, 3, 0}}) {
    const strided_numbers n("who", nullptr, number_type_of<float>, extents, {1, 1, 1});
    BOOST_TEST(n.size() == 0u);
    BOOST_TEST(n.has_lines_in_place());
    BOOST_CHECK_NO_THROW(n.check_memory("who"));
    float none = 7;
    n.load(0, 0, 1, &none, 1);
    BOOST_TEST(none == 7.0f);
  }
  BOOST_TEST(strided_numbers().size() == 0u);
}

BOOST_AUTO_TEST_CASE(shapes_that_no_memory_holds_are_refused) {
  constexpr std::size_t large = std::size_t{1} << 30, negative = std::size_t(-1);
  const auto refuse = [](const std::string& sentence, const std::array<std::size_t, 3>& extents) {
    check_error<tamp::shape_error>("who: " + sentence, [&] {
      strided_numbers("who", nullptr, number_type_of<float>, extents, {});
    });
  };
  refuse("1073741824 x 1073741824 x 1073741824 elements are more than memory can hold",
         {large, large, large});
  refuse("a shape of 2 x 18446744073709551615 x 3 is too large; was one of the numbers negative?",
         {2, negative, 3});
  refuse("a shape of 0 x 2 x 18446744073709551615 is too large; was one of the numbers negative?",
         {0, 2, negative});
}

BOOST_AUTO_TEST_CASE(memory_that_cannot_be_read_is_refused) {
  constexpr std::ptrdiff_t far_away = std::ptrdiff_t{1} << 61;
  const float one = 1;
  const auto check = [](const std::string& sentence, const strided_numbers& n) {
    check_error<tamp::shape_error>("who: " + sentence, [&] { n.check_memory("who"); });
  };
  check("2 x 3 elements lie at a null pointer",
        {"who", nullptr, number_type_of<float>, {1, 2, 3}, {0, 3, 1}});
  check("4 x 2 x 3 elements lie at a null pointer",
        {"who", nullptr, number_type_of<float>, {4, 2, 3}, {6, 3, 1}});
  check("2 x 3 elements with strides of 2305843009213693952 and 1 do not fit into memory",
        {"who", &one, number_type_of<float>, {1, 2, 3}, {0, far_away, 1}});
  check("2 x 2 x 3 elements with strides of -2305843009213693952, 3 and 1 do not fit into memory",
        {"who", &one, number_type_of<float>, {2, 2, 3}, {-far_away, 3, 1}});
  // Each axis fits into memory, but the three do not together.
  check(
      "2 x 2 x 2 elements with strides of 576460752303423488, 576460752303423488 and "
      "576460752303423488 do not fit into memory",
      {"who", &one, number_type_of<double>, {2, 2, 2}, {far_away / 4, far_away / 4, far_away / 4}});
}

BOOST_AUTO_TEST_CASE(a_tensor_gives_its_numbers) {
  const support::matrix<float> m{{1, 2, 3}, {4, 5, 6}};
  const strided_numbers known = numbers_of("who", m);
  BOOST_TEST((known.data() == m.data()));
  BOOST_TEST((known.extent(0) == 1 && known.extent(1) == 2 && known.extent(2) == 3));
  const tamp::any_view any = tamp::view(m).transposed();
  const strided_numbers at_run_time = numbers_of("who", any);
  BOOST_TEST((at_run_time.extent(1) == 3 && at_run_time.extent(2) == 2));
  BOOST_TEST(at_run_time.number(0, 2, 1) == 6.0f);
}

BOOST_AUTO_TEST_SUITE_END()
