#include <tamp/tensor/any_view.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tamp/tensor/traits.hpp>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"

namespace {

struct device_space {};

struct host_half {
  std::uint16_t bits;
};
struct host_number {};

// A framework's tensor: what it holds is known at run time.
struct framework_tensor {
  void* data;
  int rows, cols;
  bool is_double;
};
struct framework_adapter {
  static tamp::any_view view(const framework_tensor& t) {
    return {t.data, t.is_double ? tamp::dtype::f64 : tamp::dtype::f32, std::size_t(t.rows),
            std::size_t(t.cols)};
  }
};

}  // namespace

template <>
struct tamp::element_traits<host_half> : tamp::element_like<host_half, tamp::f16> {};

template <>
struct tamp::tensor_traits<framework_tensor> : tamp::any_view_traits<framework_adapter> {};

BOOST_AUTO_TEST_SUITE(tensor_any_view)

using tamp::any_view;
using tamp::dtype;
using tamp::memory;

BOOST_AUTO_TEST_CASE(a_view_shows_its_elements_as_their_type_with_their_strides) {
  std::vector<float> numbers{0, 1, 2, 3, 4, 5};
  const any_view columns(numbers.data(), dtype::f32, 2, 3, 1, 2);
  const float element = columns.visit([](auto m) { return float(m(1, 2)); });
  BOOST_TEST(element == 5.0f);
  BOOST_TEST(columns.transposed().visit([](auto m) { return float(m(2, 0)); }) == 4.0f);

  const any_view backwards(&numbers[5], dtype::f32, 2, 3, -3, -1);
  BOOST_TEST(backwards.visit([](auto m) { return float(m(0, 1)); }) == 4.0f);
}

BOOST_AUTO_TEST_CASE(each_type_of_number_is_visited_as_itself) {
  const auto check = [](auto number) {
    using T = decltype(number);
    T memory[6]{};
    const any_view view(memory, tamp::detail::dtype_of<T>(), 2, 3);
    view.visit([&](auto m) {
      static_assert(std::is_const_v<std::remove_pointer_t<decltype(m.data())>>);
      const bool is_same = std::is_same_v<typename decltype(m)::value_type, T>;
      BOOST_TEST(is_same);
      BOOST_TEST(static_cast<const void*>(m.data()) == static_cast<const void*>(memory));
      BOOST_TEST(m.rows() == 2u);
      BOOST_TEST(m.cols() == 3u);
    });
    view.visit_writable([&](auto m) {
      m(1, 2) = tamp::element_traits<typename decltype(m)::value_type>::store(2);
    });
    BOOST_TEST(float(tamp::element_traits<T>::load(memory[5])) == 2.0f);
  };
  check(double{});
  check(float{});
  check(tamp::f16{});
  check(tamp::bf16{});
  check(tamp::f8_e4m3{});
  check(tamp::f8_e5m2{});
  check(std::int8_t{});
}

BOOST_AUTO_TEST_CASE(a_typed_view_becomes_one_that_knows_its_type_at_run_time) {
  std::vector<tamp::bf16> numbers(12);
  const tamp::matrix_view<tamp::bf16> typed(numbers.data(), 2, 3, -1, 4);
  const any_view view(typed);
  BOOST_TEST((view.type() == dtype::bf16));
  BOOST_TEST(view.data() == numbers.data());
  BOOST_TEST(view.row_stride() == -1);
  BOOST_TEST(view.col_stride() == 4);
  BOOST_TEST((view.where() == memory::cpu));
  BOOST_TEST(!view.read_only());
  BOOST_TEST(any_view(tamp::matrix_view<const tamp::bf16>(typed)).read_only());

  static_assert(!std::is_constructible_v<any_view, tamp::matrix_view<host_number>>);
  static_assert(std::is_constructible_v<any_view, tamp::matrix_view<host_half>>);
  host_half half{};
  BOOST_TEST((any_view(tamp::matrix_view<host_half>(&half, 1, 1)).type() == dtype::f16));

  const tamp::matrix_view<float, tamp::cuda_space> on_gpu(nullptr, 2, 3);
  BOOST_TEST((any_view(on_gpu).where() == memory::cuda));
  const tamp::matrix_view<float, device_space> on_device(nullptr, 2, 3);
  BOOST_TEST((any_view(on_device).where() == memory::other));
}

BOOST_AUTO_TEST_CASE(views_of_const_memory_are_read_only) {
  const float numbers[] = {1, 2};
  const any_view view(static_cast<const void*>(numbers), dtype::f32, 1, 2);
  BOOST_TEST(view.read_only());
  BOOST_TEST(view.visit([](auto m) { return float(m(0, 1)); }) == 2.0f);
  support::check_error<tamp::value_error>(
      "any_view: this tensor of 1 x 2 F32 is read-only and cannot be written to",
      [&] { view.visit_writable([](auto) {}); });

  float writable[2] = {};
  const any_view other(writable, dtype::f32, 1, 2);
  BOOST_TEST(!other.read_only());
  BOOST_TEST(other.as_const().read_only());
}

BOOST_AUTO_TEST_CASE(other_types_of_number_can_be_named_and_not_read) {
  std::int32_t numbers[6] = {};
  const any_view view(numbers, dtype::i32, 2, 3);
  BOOST_TEST((view.type() == dtype::i32));
  const auto sentence =
      "any_view: the elements of this tensor of 2 x 3 are I32, and tamp reads F64, F32, F16, BF16, "
      "F8_E4M3, F8_E5M2 and I8";
  support::check_error<tamp::value_error>(sentence, [&] { view.visit([](auto) {}); });
  support::check_error<tamp::value_error>(sentence, [&] { view.visit_writable([](auto) {}); });
}

BOOST_AUTO_TEST_CASE(elements_in_the_memory_of_a_device_are_not_read) {
  float numbers[6] = {};
  support::check_error<tamp::value_error>(
      "any_view: the elements of this tensor of 2 x 3 F32 lie in the memory of an NVIDIA GPU, and "
      "this operation runs on the CPU",
      [&] { any_view(numbers, dtype::f32, 2, 3, 3, 1, memory::cuda).visit([](auto) {}); });
  support::check_error<tamp::value_error>(
      "any_view: the elements of this tensor of 2 x 3 F32 lie in the memory of a device, and this "
      "operation runs on the CPU",
      [&] { any_view(numbers, dtype::f32, 2, 3, 3, 1, memory::other).visit([](auto) {}); });
  support::check_error<tamp::value_error>(
      "any_view: the elements of this tensor of 2 x 3 F32 lie in the memory of the CPU, and this "
      "operation runs on an NVIDIA GPU",
      [&] { any_view(numbers, dtype::f32, 2, 3).visit<tamp::cuda_space>([](auto) {}); });
}

BOOST_AUTO_TEST_CASE(elements_of_a_gpu_are_visited_as_such_and_not_touched) {
  float number = 0;
  const any_view view(&number, dtype::f32, 2, 3, 3, 1, memory::cuda);
  const auto check = [](auto m) {
    static_assert(std::is_same_v<typename decltype(m)::space, tamp::cuda_space>);
    return m.rows();
  };
  BOOST_TEST(view.visit<tamp::cuda_space>(check) == 2u);
  BOOST_TEST(view.visit_writable<tamp::cuda_space>(check) == 2u);
}

BOOST_AUTO_TEST_CASE(extents_that_no_tensor_has_are_refused) {
  float number = 0;
  constexpr auto negative = static_cast<std::size_t>(-1);
  support::check_error<tamp::shape_error>(
      "any_view: a shape of 18446744073709551615 x 4 is too large; was one of the numbers "
      "negative?",
      [&] { any_view(&number, dtype::f32, negative, 4); });
  constexpr auto huge = std::size_t{1} << 40;
  support::check_error<tamp::shape_error>(
      "any_view: 1099511627776 x 1099511627776 elements are more than memory can hold",
      [&] { any_view(&number, dtype::f32, huge, huge); });
}

BOOST_AUTO_TEST_CASE(a_view_of_nothing_has_no_elements) {
  const any_view view;
  BOOST_TEST(view.empty());
  BOOST_TEST(view.visit([](auto m) { return m.size(); }) == 0u);
}

BOOST_AUTO_TEST_CASE(a_framework_shows_its_tensors_as_views) {
  static_assert(tamp::any_tensor<framework_tensor>);
  static_assert(tamp::any_tensor<const framework_tensor&>);
  static_assert(tamp::any_tensor<any_view>);
  static_assert(tamp::tensor<framework_tensor> && tamp::prunable_tensor<framework_tensor>);
  static_assert(!tamp::strided_tensor<framework_tensor> && !tamp::row_tensor<any_view>);
  static_assert(!tamp::any_tensor<int> && !tamp::any_tensor<tamp::matrix_view<float>>);

  double numbers[] = {1, 2, 3, 4};
  const framework_tensor tensor{numbers, 2, 2, true};
  const auto sum = tamp::tensor_traits<framework_tensor>::visit(
      tensor, [](auto m) { return double(float(m(0, 0)) + float(m(1, 1))); });
  BOOST_TEST(sum == 5.0);
  tamp::tensor_traits<framework_tensor>::visit_writable(tensor, [](auto m) {
    m(0, 1) = tamp::element_traits<typename decltype(m)::value_type>::store(7);
  });
  BOOST_TEST(numbers[1] == 7.0);
}

BOOST_AUTO_TEST_SUITE_END()
