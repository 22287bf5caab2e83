#include <tamp/mask/zero_dropped.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <tuple>
#include <vector>

#include "../support/elements.hpp"
#include "../support/errors.hpp"
#include "../support/instructions.hpp"

BOOST_AUTO_TEST_SUITE(mask_zero_dropped)

using tamp::mask::word;

namespace {

template <class T>
T zero_by_definition() {
  return tamp::element_traits<T>::store(0);
}

template <class T>
bool same_bits(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  std::vector<float> row{1, -2, 3, -4};
  const word keep[] = {0b1001};
  tamp::zero_dropped(std::span(row), keep);
  BOOST_TEST(row == (std::vector<float>{1, 0, 0, -4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    a_dropped_element_is_what_its_type_stores_for_0, T,
    decltype(std::tuple<float, double, tamp::f16, tamp::bf16, support::fp8, support::shifted8,
                        support::shifted16, support::fixed24, support::fixed32, support::flipped32,
                        support::flipped64>{})) {
  support::with_every_instructions([] {
    for (const std::size_t size : {0u, 1u, 31u, 64u, 65u, 200u}) {
      std::mt19937_64 random(size);
      std::vector<T> row(size);
      for (T& element : row) element = tamp::element_traits<T>::store(float(random() % 9) - 3.5f);
      std::vector<word> keep((size + 63) / 64);
      for (word& w : keep) w = random();
      const std::vector<T> before = row;
      tamp::zero_dropped(std::span(row), keep);
      std::size_t wrong = 0;
      for (std::size_t j = 0; j < size; ++j)
        wrong +=
            !same_bits(row[j], keep[j / 64] >> j % 64 & 1 ? before[j] : zero_by_definition<T>());
      BOOST_TEST(wrong == 0u);
    }
  });
}

BOOST_AUTO_TEST_CASE(numbers_of_a_quantised_row_have_a_zero_of_their_own) {
  std::vector<std::int8_t> row{5, -7, 100};
  const word keep[] = {0b001};
  tamp::zero_dropped(std::span(row), keep);
  BOOST_TEST(row == (std::vector<std::int8_t>{5, 0, 0}), boost::test_tools::per_element());
  tamp::zero_dropped(std::span(row), keep, -3);
  BOOST_TEST(row == (std::vector<std::int8_t>{5, -3, -3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_element_that_cannot_be_copied_by_bytes_is_assigned) {
  std::vector<support::counted> row{1.0, 2.0, 3.0};
  const word keep[] = {0b101};
  tamp::zero_dropped(std::span(row), keep);
  BOOST_TEST(row[0].number() == 1);
  BOOST_TEST(row[1].number() == 0);
  BOOST_TEST(row[2].number() == 3);
}

BOOST_AUTO_TEST_CASE(words_that_are_too_few_or_too_many_are_refused) {
  std::vector<float> row(65, 1.0f);
  const std::vector<word> keep(3);
  const auto refused = [&](std::size_t words, std::string_view sentence) {
    support::check_error<tamp::shape_error>(
        sentence, [&] { tamp::zero_dropped(std::span(row), std::span(keep).first(words)); });
  };
  refused(0, "zero_dropped: 65 elements have 2 words of a mask, not 0");
  refused(1, "zero_dropped: 65 elements have 2 words of a mask, not 1");
  refused(3, "zero_dropped: 65 elements have 2 words of a mask, not 3");
  BOOST_TEST(row == std::vector<float>(65, 1.0f), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
