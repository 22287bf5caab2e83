#include <tamp/io/dtype.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <limits>
#include <vector>

BOOST_AUTO_TEST_SUITE(io_dtype)

using tamp::io::dtype;
namespace detail = tamp::io::detail;

BOOST_AUTO_TEST_CASE(a_type_is_found_by_the_name_that_files_use) {
  for (const auto& known : detail::dtypes)
    BOOST_TEST((detail::entry(known.name).type == known.type));
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
