#include <tamp/io/detail/shown.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(io_detail_shown)

using tamp::detail::shown;

// A file's names of its parts neither end the sentence nor fill the screen.
BOOST_AUTO_TEST_CASE(errors_show_names_from_files_with_care) {
  using namespace std::string_view_literals;
  BOOST_TEST(shown("model.w") == "model.w");
  BOOST_TEST(shown("\xc3\xbc'\"") == "\xc3\xbc'\"");
  BOOST_TEST(shown("a\0b\x1b[2J\n\x7f"sv) == "a\\x00b\\x1b[2J\\x0a\\x7f");
  BOOST_TEST(shown(std::string(200, 'x')) == std::string(200, 'x'));
  BOOST_TEST(shown(std::string(1'000'000, 'x')) == std::string(200, 'x') + "... (1000000 bytes)");
}

BOOST_AUTO_TEST_SUITE_END()
