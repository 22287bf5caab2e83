#include <tamp/error.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "support/errors.hpp"
#include "support/preconditions.hpp"

BOOST_AUTO_TEST_SUITE(error)

using tamp::detail::sentence;

BOOST_AUTO_TEST_CASE(a_sentence_joins_words_and_numbers) {
  const std::string name = "0.up";
  BOOST_TEST(sentence("the weight of ", name, " has ", std::size_t{12},
                      std::string_view(" columns"), '.') == "the weight of 0.up has 12 columns.");
  BOOST_TEST(sentence().empty());
  BOOST_TEST(sentence(std::uint8_t{65}, ' ', std::int64_t{-3}, ' ',
                      std::numeric_limits<std::uint64_t>::max()) == "65 -3 18446744073709551615");
}

BOOST_AUTO_TEST_CASE(a_number_has_the_digits_that_tell_it_from_others_of_its_type) {
  BOOST_TEST(sentence(0.1) == "0.1");
  BOOST_TEST(sentence(0.1f) == "0.1");
  BOOST_TEST(sentence(double{0.1f}) == "0.10000000149011612");
  BOOST_TEST(sentence(2.0, ' ', 1e-7f, ' ', -0.0) == "2 1e-07 -0");
  constexpr double infinity = std::numeric_limits<double>::infinity();
  BOOST_TEST(sentence(infinity, ' ', -infinity, ' ', std::numeric_limits<float>::quiet_NaN()) ==
             "inf -inf nan");
}

BOOST_AUTO_TEST_CASE(all_errors_are_caught_as_one) {
  static_assert(std::is_base_of_v<std::runtime_error, tamp::error>);
  const auto check = []<class Error>(std::type_identity<Error>) {
    support::check_error<Error>("row 3", [] { tamp::detail::raise<Error>("row ", 3); });
  };
  check(std::type_identity<tamp::error>{});
  check(std::type_identity<tamp::shape_error>{});
  check(std::type_identity<tamp::value_error>{});
  check(std::type_identity<tamp::file_error>{});
}

BOOST_AUTO_TEST_CASE(a_broken_precondition_is_printed_and_ends_the_program) {
  support::check_aborts("row 3 of 2", [] { TAMP_EXPECTS(3 < 2, "row ", 3, " of ", 2); });
  TAMP_EXPECTS(2 < 3, "row ", 2, " of ", 3);
}

BOOST_AUTO_TEST_SUITE_END()
