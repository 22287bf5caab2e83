#include <tamp/element.hpp>

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// A host's own number: the bits of binary16 under another name.
struct host_half {
  std::uint16_t storage;
};

float up(float x) { return std::nextafter(x, infinity); }
float down(float x) { return std::nextafter(x, -infinity); }

std::uint16_t as_f16(float x) { return tamp::f16(x).bits; }
std::uint16_t as_bf16(float x) { return tamp::bf16(x).bits; }

// The value of a binary interchange format by its definition. In one without infinities only the largest
// exponent with the largest fraction is NaN.
float by_definition(unsigned bits, int exponent_bits, int fraction_bits, bool has_infinity = true) {
  const int bias = (1 << (exponent_bits - 1)) - 1, all_ones = (1 << exponent_bits) - 1;
  const int exponent = int(bits >> fraction_bits) & all_ones;
  const unsigned fraction = bits & ((1u << fraction_bits) - 1);
  const double sign = bits >> (exponent_bits + fraction_bits) ? -1.0 : 1.0;
  if (exponent == all_ones && has_infinity)
    return fraction ? std::numeric_limits<float>::quiet_NaN() : float(sign) * infinity;
  if (exponent == all_ones && fraction == (1u << fraction_bits) - 1)
    return std::numeric_limits<float>::quiet_NaN();
  const double significand = exponent ? double(fraction) + double(1u << fraction_bits) : fraction;
  const int power = (exponent ? exponent : 1) - bias - fraction_bits;
  return float(sign * std::ldexp(significand, power));
}

bool same_number(float a, float b) {
  return std::isnan(a) ? std::isnan(b)
                       : std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

// Between each two neighbouring numbers below the one with bits `end`: the middle goes to the even one, all
// else to the nearer.
template <class Number, class Bits = decltype(Number{}.bits)>
void check_rounding(std::type_identity_t<Bits> end) {
  constexpr unsigned sign = 1u << (8 * sizeof(Bits) - 1);
  for (Bits low = 0; low + 1 < end; ++low) {
    const auto high = Bits(low + 1);
    const float a = float(Number::from_bits(low)), b = float(Number::from_bits(high));
    const float middle = a + (b - a) / 2;
    const Bits even = low % 2 == 0 ? low : high;
    for (const auto& [x, expected] : {std::pair(a, low),
                                      {up(a), low},
                                      {down(middle), low},
                                      {middle, even},
                                      {up(middle), high},
                                      {down(b), high},
                                      {b, high}}) {
      if (Number(x).bits != expected || Number(-x).bits != (expected | sign))
        BOOST_FAIL(x << " after the one with bits " << int(low) << " became bits "
                     << int(Number(x).bits));
    }
  }
}

}  // namespace

template <>
struct tamp::element_traits<host_half> : tamp::element_like<host_half, tamp::f16> {};

BOOST_AUTO_TEST_SUITE(element)

BOOST_AUTO_TEST_CASE(well_known_f16_numbers_have_their_bits) {
  BOOST_TEST(as_f16(0.0f) == 0x0000);
  BOOST_TEST(as_f16(-0.0f) == 0x8000);
  BOOST_TEST(as_f16(1.0f) == 0x3c00);
  BOOST_TEST(as_f16(-2.0f) == 0xc000);
  BOOST_TEST(as_f16(0.1f) == 0x2e66);
  BOOST_TEST(as_f16(65504.0f) == 0x7bff);
  BOOST_TEST(as_f16(0x1p-14f) == 0x0400);
  BOOST_TEST(as_f16(0x1p-24f) == 0x0001);
  BOOST_TEST(float(tamp::f16::from_bits(0x3555)) == 0x1.554p-2f);
}

BOOST_AUTO_TEST_CASE(well_known_bf16_numbers_have_their_bits) {
  BOOST_TEST(as_bf16(0.0f) == 0x0000);
  BOOST_TEST(as_bf16(-0.0f) == 0x8000);
  BOOST_TEST(as_bf16(1.0f) == 0x3f80);
  BOOST_TEST(as_bf16(-2.0f) == 0xc000);
  BOOST_TEST(as_bf16(3.14159265f) == 0x4049);
  BOOST_TEST(float(tamp::bf16::from_bits(0x4049)) == 3.140625f);
}

BOOST_AUTO_TEST_CASE(every_f16_reads_as_its_definition_says) {
  for (unsigned bits = 0; bits < 0x10000u; ++bits) {
    const float value = float(tamp::f16::from_bits(std::uint16_t(bits)));
    if (!same_number(value, by_definition(bits, 5, 10)))
      BOOST_FAIL("bits " << bits << " read as " << value);
  }
}

BOOST_AUTO_TEST_CASE(every_bf16_reads_as_its_definition_says) {
  for (unsigned bits = 0; bits < 0x10000u; ++bits) {
    const float value = float(tamp::bf16::from_bits(std::uint16_t(bits)));
    if (!same_number(value, by_definition(bits, 8, 7)))
      BOOST_FAIL("bits " << bits << " read as " << value);
  }
}

BOOST_AUTO_TEST_CASE(everything_between_two_f16_goes_to_the_nearer_and_ties_to_the_even_one) {
  check_rounding<tamp::f16>(0x7c00);
}

BOOST_AUTO_TEST_CASE(everything_between_two_bf16_goes_to_the_nearer_and_ties_to_the_even_one) {
  check_rounding<tamp::bf16>(0x7f80);
}

BOOST_AUTO_TEST_CASE(what_is_too_large_becomes_infinite_from_half_a_step_above_the_largest) {
  BOOST_TEST(as_f16(down(65520.0f)) == 0x7bff);
  BOOST_TEST(as_f16(65520.0f) == 0x7c00);
  BOOST_TEST(as_f16(-65520.0f) == 0xfc00);
  BOOST_TEST(as_f16(std::numeric_limits<float>::max()) == 0x7c00);
  BOOST_TEST(as_f16(infinity) == 0x7c00);
  BOOST_TEST(as_f16(-infinity) == 0xfc00);

  const float half_a_step_above = std::bit_cast<float>(0x7f7f8000u);
  BOOST_TEST(as_bf16(down(half_a_step_above)) == 0x7f7f);
  BOOST_TEST(as_bf16(half_a_step_above) == 0x7f80);
  BOOST_TEST(as_bf16(std::numeric_limits<float>::max()) == 0x7f80);
  BOOST_TEST(as_bf16(-infinity) == 0xff80);
}

BOOST_AUTO_TEST_CASE(what_is_too_small_becomes_a_zero_of_its_sign) {
  BOOST_TEST(as_f16(0x1p-25f) == 0x0000);  // the middle between 0 and the smallest: even
  BOOST_TEST(as_f16(up(0x1p-25f)) == 0x0001);
  BOOST_TEST(as_f16(-0x1p-25f) == 0x8000);
  BOOST_TEST(as_f16(std::numeric_limits<float>::denorm_min()) == 0x0000);
  BOOST_TEST(as_bf16(std::bit_cast<float>(0x00008000u)) == 0x0000);
  BOOST_TEST(as_bf16(std::bit_cast<float>(0x00008001u)) == 0x0001);
  BOOST_TEST(as_bf16(-std::numeric_limits<float>::denorm_min()) == 0x8000);
}

BOOST_AUTO_TEST_CASE(nan_stays_nan_and_never_becomes_infinite) {
  for (const std::uint32_t bits : {0x7f800001u, 0x7fc00000u, 0x7fffffffu, 0xff800001u}) {
    const float nan = std::bit_cast<float>(bits);
    BOOST_TEST(std::isnan(float(tamp::f16(nan))));
    BOOST_TEST(std::isnan(float(tamp::bf16(nan))));
    BOOST_TEST(std::signbit(float(tamp::f16(nan))) == std::signbit(nan));
    BOOST_TEST(std::signbit(float(tamp::bf16(nan))) == std::signbit(nan));
  }
}

BOOST_AUTO_TEST_CASE(every_16_bit_number_survives_the_way_through_float) {
  for (unsigned bits = 0; bits < 0x10000u; ++bits) {
    const auto half = tamp::f16::from_bits(std::uint16_t(bits));
    const auto brain = tamp::bf16::from_bits(std::uint16_t(bits));
    if (!std::isnan(float(half)) && tamp::f16(float(half)).bits != bits)
      BOOST_FAIL("f16 bits " << bits);
    if (!std::isnan(float(brain)) && tamp::bf16(float(brain)).bits != bits)
      BOOST_FAIL("bf16 bits " << bits);
  }
}

#if defined(__FLT16_MANT_DIG__)
BOOST_AUTO_TEST_CASE(f16_agrees_with_the_compiler) {
  for (unsigned bits = 0; bits < 0x10000u; ++bits) {
    const auto theirs = static_cast<float>(std::bit_cast<_Float16>(std::uint16_t(bits)));
    if (!same_number(float(tamp::f16::from_bits(std::uint16_t(bits))), theirs))
      BOOST_FAIL("bits " << bits);
  }
  for (std::uint64_t bits = 0; bits < 0x100000000u; bits += 4099) {  // a prime: all kinds of ends
    const float x = std::bit_cast<float>(std::uint32_t(bits));
    if (std::isnan(x)) continue;
    if (as_f16(x) != std::bit_cast<std::uint16_t>(static_cast<_Float16>(x)))
      BOOST_FAIL("the float with bits " << bits);
  }
}
#endif

BOOST_AUTO_TEST_CASE(conversions_are_constant_expressions) {
  static_assert(tamp::f16(1.5f).bits == 0x3e00);
  static_assert(float(tamp::f16::from_bits(0x0001)) == 0x1p-24f);
  static_assert(tamp::bf16(1.5f).bits == 0x3fc0);
  static_assert(float(tamp::bf16::from_bits(0x3fc0)) == 1.5f);
}

BOOST_AUTO_TEST_CASE(equality_is_that_of_the_numbers) {
  BOOST_TEST((tamp::f16(0.0f) == tamp::f16(-0.0f)));
  BOOST_TEST((tamp::bf16(0.0f) == tamp::bf16(-0.0f)));
  BOOST_TEST((tamp::f16(1.0f) != tamp::f16(2.0f)));
  BOOST_TEST((tamp::f16(NAN) != tamp::f16(NAN)));
}

BOOST_AUTO_TEST_CASE(double_is_computed_in_double_and_all_else_in_float) {
  static_assert(std::is_same_v<tamp::compute_type<double>, double>);
  static_assert(std::is_same_v<tamp::compute_type<const double>, double>);
  static_assert(std::is_same_v<tamp::compute_type<float>, float>);
  static_assert(std::is_same_v<tamp::compute_type<tamp::f16>, float>);
  static_assert(std::is_same_v<tamp::compute_type<const tamp::bf16>, float>);
  static_assert(std::is_same_v<tamp::compute_type<host_half>, float>);
}

BOOST_AUTO_TEST_CASE(only_types_with_traits_are_elements) {
  static_assert(tamp::element<float> && tamp::element<const double> && tamp::element<tamp::f16>);
  static_assert(tamp::element<host_half> && tamp::element<const host_half>);
  static_assert(!tamp::element<int> && !tamp::element<bool> && !tamp::element<float*>);
}

BOOST_AUTO_TEST_CASE(a_hosts_own_type_converts_like_its_twin) {
  using traits = tamp::element_traits<host_half>;
  for (unsigned bits = 0; bits < 0x7c00u; ++bits) {
    const float value = traits::load(host_half{std::uint16_t(bits)});
    if (value != float(tamp::f16::from_bits(std::uint16_t(bits))) ||
        traits::store(value).storage != bits)
      BOOST_FAIL("bits " << bits);
  }
}

BOOST_AUTO_TEST_CASE(is_finite_tells_numbers_from_infinities_and_nan) {
  for (const float x : {0.0f, -1.0f, 1e-45f, std::numeric_limits<float>::max()}) {
    BOOST_TEST(tamp::is_finite(x));
    BOOST_TEST(tamp::is_finite(double(x)));
  }
  for (const float x : {infinity, -infinity, float(NAN)}) {
    BOOST_TEST(!tamp::is_finite(x));
    BOOST_TEST(!tamp::is_finite(double(x)));
  }
  BOOST_TEST(tamp::is_finite(std::numeric_limits<double>::max()));
}

BOOST_AUTO_TEST_CASE(well_known_8_bit_numbers_have_their_bits) {
  BOOST_TEST(tamp::f8_e4m3(1.0f).bits == 0x38);
  BOOST_TEST(tamp::f8_e4m3(448.0f).bits == 0x7e);
  BOOST_TEST(tamp::f8_e4m3(0x1p-9f).bits == 0x01);
  BOOST_TEST(tamp::f8_e4m3(-0.0f).bits == 0x80);
  BOOST_TEST(tamp::f8_e5m2(1.0f).bits == 0x3c);
  BOOST_TEST(tamp::f8_e5m2(57344.0f).bits == 0x7b);
  BOOST_TEST(tamp::f8_e5m2(0x1p-16f).bits == 0x01);
}

BOOST_AUTO_TEST_CASE(every_8_bit_number_reads_as_its_definition_says) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    BOOST_TEST(same_number(float(tamp::f8_e4m3::from_bits(std::uint8_t(bits))),
                           by_definition(bits, 4, 3, false)));
    BOOST_TEST(same_number(float(tamp::f8_e5m2::from_bits(std::uint8_t(bits))),
                           by_definition(bits, 5, 2)));
  }
}

BOOST_AUTO_TEST_CASE(between_two_8_bit_numbers_the_nearer_is_stored_and_of_ties_the_even_one) {
  check_rounding<tamp::f8_e4m3>(0x7f);
  check_rounding<tamp::f8_e5m2>(0x7c);
}

BOOST_AUTO_TEST_CASE(beyond_the_largest_8_bit_number_is_nan_or_infinity) {
  BOOST_TEST(tamp::f8_e4m3(464.0f).bits == 0x7e);  // the middle between 448 and 480: even
  BOOST_TEST(tamp::f8_e4m3(up(464.0f)).bits == 0x7f);
  BOOST_TEST(tamp::f8_e4m3(-infinity).bits == 0xff);
  BOOST_TEST(tamp::f8_e5m2(down(61440.0f)).bits == 0x7b);
  BOOST_TEST(tamp::f8_e5m2(61440.0f).bits == 0x7c);
  BOOST_TEST(tamp::f8_e5m2(-infinity).bits == 0xfc);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  BOOST_TEST(std::isnan(float(tamp::f8_e4m3(nan))));
  BOOST_TEST(std::isnan(float(tamp::f8_e5m2(nan))));
  BOOST_TEST(tamp::f8_e4m3(std::numeric_limits<float>::denorm_min()).bits == 0);
}

BOOST_AUTO_TEST_CASE(nan_is_no_8_bit_number_and_zeros_of_both_signs_are_equal) {
  using tamp::f8_e4m3, tamp::f8_e5m2;
  BOOST_TEST((f8_e4m3::from_bits(0x80) == f8_e4m3{}));
  BOOST_TEST((f8_e5m2::from_bits(0x80) == f8_e5m2{}));
  BOOST_TEST(!(f8_e4m3::from_bits(0x7f) == f8_e4m3::from_bits(0x7f)));
  BOOST_TEST(!(f8_e5m2::from_bits(0x7d) == f8_e5m2::from_bits(0x7d)));
  BOOST_TEST((f8_e4m3::from_bits(0x7e) == f8_e4m3(448.0f)));
  BOOST_TEST(!(f8_e4m3(1.0f) == f8_e4m3(-1.0f)));
}

BOOST_AUTO_TEST_CASE(whole_numbers_are_rounded_to_even_and_limited) {
  using traits = tamp::element_traits<std::int8_t>;
  for (int n = -128; n < 128; ++n) BOOST_TEST(traits::store(traits::load(std::int8_t(n))) == n);
  BOOST_TEST(traits::store(0.5f) == 0);
  BOOST_TEST(traits::store(1.5f) == 2);
  BOOST_TEST(traits::store(-0.5f) == 0);
  BOOST_TEST(traits::store(-1.5f) == -2);
  BOOST_TEST(traits::store(up(0.5f)) == 1);
  BOOST_TEST(traits::store(-127.75f) == -128);
  BOOST_TEST(traits::store(126.75f) == 127);
  BOOST_TEST(traits::store(1e30f) == 127);
  BOOST_TEST(traits::store(-infinity) == -128);
  BOOST_TEST(traits::store(std::numeric_limits<float>::quiet_NaN()) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
