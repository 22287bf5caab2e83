#include <tamp/dtype.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>

BOOST_AUTO_TEST_SUITE(dtype_of_numbers)

using tamp::dtype;
namespace detail = tamp::detail;

BOOST_AUTO_TEST_CASE(each_type_of_number_has_its_name_and_size) {
  const auto check = [](auto number, dtype type, auto name) {
    using T = decltype(number);
    BOOST_TEST((detail::dtype_of<T>() == type));
    BOOST_TEST((detail::entry(type).type == type));
    BOOST_TEST(detail::entry(type).name == name);
    BOOST_TEST(detail::entry(type).bits == 8 * sizeof(T));
  };
  check(double{}, dtype::f64, "F64");
  check(float{}, dtype::f32, "F32");
  check(tamp::f16{}, dtype::f16, "F16");
  check(tamp::bf16{}, dtype::bf16, "BF16");
  check(tamp::f8_e4m3{}, dtype::f8_e4m3, "F8_E4M3");
  check(tamp::f8_e5m2{}, dtype::f8_e5m2, "F8_E5M2");
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
}

BOOST_AUTO_TEST_SUITE_END()
