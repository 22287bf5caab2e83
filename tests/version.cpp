#include <tamp/version.hpp>

#include <boost/test/unit_test.hpp>
#include <string>

BOOST_AUTO_TEST_SUITE(version)

BOOST_AUTO_TEST_CASE(the_text_has_the_numbers_of_the_macros) {
  const auto part = [](int number) { return std::to_string(number); };
  BOOST_TEST(tamp::version == part(TAMP_VERSION_MAJOR) + '.' + part(TAMP_VERSION_MINOR) + '.' +
                                  part(TAMP_VERSION_PATCH));
}

BOOST_AUTO_TEST_SUITE_END()
