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
    BOOST_TEST(detail::entry(type).bits == 8 * sizeof(T));
    BOOST_TEST((detail::entry(detail::entry(type).name).type == type));
  };
  check(double{}, dtype::f64, "F64");
  check(float{}, dtype::f32, "F32");
  check(tamp::f16{}, dtype::f16, "F16");
  check(tamp::bf16{}, dtype::bf16, "BF16");
  check(std::int64_t{}, dtype::i64, "I64");
  check(std::int32_t{}, dtype::i32, "I32");
  check(std::int16_t{}, dtype::i16, "I16");
  check(std::int8_t{}, dtype::i8, "I8");
  check(std::uint64_t{}, dtype::u64, "U64");
  check(std::uint32_t{}, dtype::u32, "U32");
  check(std::uint16_t{}, dtype::u16, "U16");
  check(std::uint8_t{}, dtype::u8, "U8");
  check(bool{}, dtype::boolean, "BOOL");
}

BOOST_AUTO_TEST_CASE(the_table_of_types_is_in_the_order_of_their_numbers) {
  for (std::size_t k = 0; k < detail::dtypes.size(); ++k)
    BOOST_TEST(static_cast<std::size_t>(detail::dtypes[k].type) == k);
  BOOST_TEST((detail::entry("F8_E4M3").type == dtype::f8_e4m3));
  BOOST_TEST((detail::entry("f32").type == dtype::unknown));
  BOOST_TEST((detail::entry("").type == dtype::unknown));
}

// Six bits: four numbers are three bytes.
BOOST_AUTO_TEST_CASE(numbers_fill_whole_bytes_or_have_no_size) {
  const auto bytes = [](dtype type, std::size_t numbers) {
    return detail::bytes_of(detail::entry(type), numbers);
  };
  BOOST_TEST((bytes(dtype::f64, 3) == 24u));
  BOOST_TEST((bytes(dtype::f4, 6) == 3u));
  BOOST_TEST((bytes(dtype::f6_e2m3, 4) == 3u));
  BOOST_TEST((bytes(dtype::f8_e5m2, 0) == 0u));
  BOOST_TEST(!bytes(dtype::f4, 3).has_value());
  BOOST_TEST(!bytes(dtype::f6_e3m2, 2).has_value());
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  BOOST_TEST((bytes(dtype::u8, most) == most));
  BOOST_TEST((bytes(dtype::f4, most - 1) == most / 2));
  BOOST_TEST((bytes(dtype::f16, most / 2) == most - 1));
  BOOST_TEST(!bytes(dtype::f16, most / 2 + 1).has_value());
  BOOST_TEST(!bytes(dtype::f64, most).has_value());
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
