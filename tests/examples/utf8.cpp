// Which bytes are characters, and names of files in one line.
#include <study/utf8.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(examples_utf8)

using study::character_bytes;
using study::line_of;

BOOST_AUTO_TEST_CASE(characters_have_one_to_four_bytes) {
  BOOST_TEST(character_bytes("") == 0u);
  BOOST_TEST(character_bytes("ab") == 1u);
  BOOST_TEST(character_bytes("\u00e9b") == 2u);
  BOOST_TEST(character_bytes("\u20ac") == 3u);
  BOOST_TEST(character_bytes("\U0001f600") == 4u);
}

// Against nlohmann's: a text of four bytes is refused as JSON where a byte of it is no character.
BOOST_AUTO_TEST_CASE(texts_that_json_refuses_have_bytes_that_are_no_characters) {
  const auto is_valid = [](std::string_view text) {
    while (!text.empty()) {
      const std::size_t bytes = character_bytes(text);
      if (bytes == 0) return false;
      text.remove_prefix(bytes);
    }
    return true;
  };
  const auto is_json = [](const std::string& text) {
    try {
      return !nlohmann::json(text).dump().empty();
    } catch (const nlohmann::json::type_error&) {
      return false;
    }
  };
  const std::string_view seconds = "a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xff";
  for (int first = 1; first < 256; ++first)
    for (const char second : seconds)
      for (const std::string_view rest :
           {"", "\x80", "\xbf\xbf", "\x80\x80", "\x80z", "\xc0\x80"}) {
        const std::string text =
            static_cast<char>(first) + std::string(1, second) + std::string(rest);
        BOOST_TEST(is_valid(text) == is_json(text),
                   "byte " << first << " before " << line_of(text));
      }
}

BOOST_AUTO_TEST_CASE(a_name_is_one_line) {
  BOOST_TEST(line_of("tiny \u00e9.gguf") == "tiny \u00e9.gguf");
  BOOST_TEST(line_of("a\nb\x7f.gguf") == "a\\x0ab\\x7f.gguf");
  BOOST_TEST(line_of("caf\xe9.gguf\xc3") == "caf\\xe9.gguf\\xc3");
}

BOOST_AUTO_TEST_SUITE_END()
