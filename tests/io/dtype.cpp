#include <tamp/io/dtype.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

BOOST_AUTO_TEST_SUITE(io_dtype)

using tamp::io::dtype;
namespace detail = tamp::io::detail;

BOOST_AUTO_TEST_CASE(each_type_of_number_has_its_name_and_size) {
  const auto check = [](auto number, dtype type, auto name) {
    using T = decltype(number);
    static_assert(std::is_same_v<decltype(detail::dtype_of<T>()), dtype>);
    BOOST_TEST((detail::dtype_of<T>() == type));
    BOOST_TEST((detail::entry(type).type == type));
    BOOST_TEST(detail::entry(type).name == name);
    BOOST_TEST(detail::entry(type).size == sizeof(T));
  };
  check(double{}, dtype::f64, "F64");
  check(float{}, dtype::f32, "F32");
  check(tamp::f16{}, dtype::f16, "F16");
  check(tamp::bf16{}, dtype::bf16, "BF16");
  check(std::int64_t{}, dtype::i64, "I64");
  check(std::int32_t{}, dtype::i32, "I32");
  check(std::uint8_t{}, dtype::u8, "U8");
  check(bool{}, dtype::boolean, "BOOL");
}

BOOST_AUTO_TEST_CASE(a_product_stops_at_the_largest_number) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  const auto product = [](std::vector<std::size_t> shape) { return detail::product(shape); };
  BOOST_TEST(product({}) == 1u);
  BOOST_TEST(product({2, 3, 4}) == 24u);
  BOOST_TEST(product({most, most, 0}) == 0u);
  BOOST_TEST(product({most, 1}) == most);
  BOOST_TEST(product({most / 2, 2}) == most - 1);
  BOOST_TEST(product({most / 2 + 1, 2}) == most);
  BOOST_TEST(product({most, most}) == most);
}

BOOST_AUTO_TEST_SUITE_END()
