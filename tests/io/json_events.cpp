#include <tamp/io/detail/json_events.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <tamp/io/detail/strict_json.hpp>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(io_json_events)

using support::check_error;
using tamp::file_error;
using tamp::detail::open_keys;
using tamp::detail::parse_object;

namespace {

// Writes down what it is told.
struct scribe {
  std::string text;
  void begin_object() { text += "{ "; }
  void end_object() { text += "} "; }
  void begin_list() { text += "[ "; }
  void end_list() { text += "] "; }
  void key(const std::string& given) { text += given + ": "; }
  void value(std::nullptr_t) { text += "null "; }
  void value(bool given) { text += given ? "yes " : "no "; }
  void value(std::uint64_t given) { text += "+" + std::to_string(given) + ' '; }
  void value(std::int64_t given) { text += std::to_string(given) + ' '; }
  void value(double given) { text += tamp::detail::sentence(given, "f "); }
  void value(const std::string& given) { text += "'" + given + "' "; }
};

nlohmann::json parsed(std::string_view text, int deepest = 8) {
  return parse_object(text, deepest, "file", "the text");
}
void refused(std::string_view text, std::string_view sentence) {
  check_error<file_error>("file: the text" + std::string(sentence), [&] { parsed(text); });
}

// Objects and lists at random, up to a depth.
nlohmann::json random_json(std::mt19937& random, int depth) {
  switch (random() % (depth == 0 ? 5 : 7)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return std::int64_t(random()) - (std::int64_t{1} << 31);
    case 3:
      return double(random()) / 7;
    case 4:
      return std::string(random() % 20, static_cast<char>('a' + random() % 26));
    case 5: {
      nlohmann::json list = nlohmann::json::array();
      for (auto k = random() % 4; k != 0; --k) list.push_back(random_json(random, depth - 1));
      return list;
    }
    default: {
      nlohmann::json object = nlohmann::json::object();
      for (auto k = random() % 6; k != 0; --k)
        object[std::string(random() % 12, static_cast<char>('a' + random() % 3))] =
            random_json(random, depth - 1);
      return object;
    }
  }
}

// Repeats the first key of the n-th object that has one; whether there is such an object.
bool repeat_a_key(const nlohmann::json& json, std::size_t& n, std::string& text) {
  bool done = false;
  if (json.is_object()) {
    text += '{';
    const bool here = !json.empty() && n-- == 0;
    bool first = true;
    for (const auto& [key, value] : json.items()) {
      if (!first) text += ',';
      first = false;
      text += nlohmann::json(key).dump() + ':';
      done = repeat_a_key(value, n, text) || done;
    }
    if (here) text += ',' + nlohmann::json(json.begin().key()).dump() + ":0";
    text += '}';
    return done || here;
  }
  if (json.is_array()) {
    text += '[';
    for (std::size_t k = 0; k < json.size(); ++k) {
      if (k != 0) text += ',';
      done = repeat_a_key(json[k], n, text) || done;
    }
    text += ']';
    return done;
  }
  text += json.dump();
  return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(events_come_in_the_order_of_the_text) {
  scribe seen;
  tamp::detail::read_object(R"( {"a":[1,-2,0.5,{"b":null}],"c":{"d":[true,[]]},"e":"\u00fc"} )", 4,
                            "file", "the text", seen);
  BOOST_TEST(seen.text == "{ a: [ +1 -2 0.5f { b: null } ] c: { d: [ yes [ ] ] } e: '\xc3\xbc' } ");
}

BOOST_AUTO_TEST_CASE(a_key_that_is_there_twice_is_found_when_its_object_ends) {
  open_keys keys;
  keys.open();
  keys.add("a");
  keys.add("");
  keys.open();
  for (const char* key : {"a", "longer than eight", "longer than eight bytes", "b"}) keys.add(key);
  BOOST_TEST(!keys.close().has_value());
  keys.open();
  for (const char* key : {"longer than eight", "b", "longer than eight"}) keys.add(key);
  BOOST_TEST((keys.close() == "longer than eight"));
  keys.open();
  BOOST_TEST(!keys.close().has_value());
  keys.add("b");
  keys.add("");
  BOOST_TEST((keys.close() == ""));
}

// Shorter than eight bytes, a key is not taken for one with zero bytes behind it.
BOOST_AUTO_TEST_CASE(keys_that_differ_in_zero_bytes_are_different) {
  using namespace std::string_view_literals;
  open_keys keys;
  keys.open();
  for (const auto key : {"a"sv, "a\0"sv, "a\0\0"sv, ""sv, "\0"sv}) keys.add(key);
  BOOST_TEST(!keys.close().has_value());
  BOOST_TEST(parsed(R"({"a":1,"a\u0000":2})").size() == 2u);
  refused(R"({"a\u0000":1,"a\u0000":2})", " has the key 'a\\x00' twice");
}

BOOST_AUTO_TEST_CASE(a_document_is_what_another_parser_makes_of_it) {
  std::mt19937 random(11);
  std::size_t repeated = 0;
  for (int round = 0; round < 3000; ++round) {
    nlohmann::json json = random_json(random, 4);
    if (!json.is_object()) json = {{"value", json}};
    BOOST_TEST((parsed(json.dump()) == json), json.dump());
    std::string text;
    std::size_t n = random() % 4;
    if (!repeat_a_key(json, n, text)) continue;
    ++repeated;
    BOOST_CHECK_EXCEPTION(parsed(text), file_error, [&](const auto& problem) {
      return std::string_view(problem.what()).ends_with("twice");
    });
  }
  BOOST_TEST(repeated > 300u);
}

BOOST_AUTO_TEST_CASE(depth_is_that_of_the_innermost_value) {
  BOOST_TEST(parsed(R"({"a":1})", 1).size() == 1u);
  BOOST_TEST(parsed(R"({"a":[]})", 1).size() == 1u);
  check_error<file_error>("file: the text's JSON is nested more than 1 levels deep",
                          [&] { parsed(R"({"a":[1]})", 1); });
  check_error<file_error>("file: the text's JSON is nested more than 1 levels deep",
                          [&] { parsed(R"({"a":{"b":1}})", 1); });
  for (const std::string open : {"[", "{\"a\":", "[{\"a\":["}) {
    std::string text = "{\"a\":";
    while (text.size() < 1'000'000) text += open;
    refused(text, "'s JSON is nested more than 8 levels deep");
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_json_object_is_refused) {
  for (const std::string text :
       {"", " ", "{", "{}}", "{,}", "{\"a\"}", "{\"a\":1,}", "{'a':1}", "{\"a\":01}",
        "{\"a\":1e999}", "{\"a\":nan}", "{\"a\":\"\t\"}", "{\"a\":\"\xff\"}", "{\"\xc0\x80\":1}",
        "{\"a\":\"\\ud800\"}", "{\"a\":\"\\x\"}", "{}//", "\xef\xbb\xbf", "{\"a\":tru"})
    refused(text, " is not valid JSON");
  refused(std::string_view("{}\0{}", 5), " is not valid JSON");
  for (const std::string text : {"[]", "[{}]", "1", "\"a\"", "null"})
    refused(text, " is not a JSON object");
}

// What a file calls its parts neither ends the sentence nor fills the screen.
BOOST_AUTO_TEST_CASE(errors_show_names_from_files_with_care) {
  using namespace std::string_view_literals;
  using tamp::detail::shown;
  BOOST_TEST(shown("model.w") == "model.w");
  BOOST_TEST(shown("\xc3\xbc'\"") == "\xc3\xbc'\"");
  BOOST_TEST(shown("a\0b\x1b[2J\n\x7f"sv) == "a\\x00b\\x1b[2J\\x0a\\x7f");
  BOOST_TEST(shown(std::string(200, 'x')) == std::string(200, 'x'));
  BOOST_TEST(shown(std::string(1'000'000, 'x')) == std::string(200, 'x') + "... (1000000 bytes)");
}

BOOST_AUTO_TEST_CASE(numbers_of_any_length_are_numbers) {
  const std::string digits(1'000'000, '9');
  BOOST_TEST(parsed("{\"a\":0." + digits + "}")["a"].get<double>() == 1.0);
  refused("{\"a\":" + digits + "}", " is not valid JSON");  // beyond a double
  BOOST_TEST(parsed(R"({"a":18446744073709551615})")["a"].is_number_unsigned());
  BOOST_TEST(parsed(R"({"a":18446744073709551616})")["a"].is_number_float());
}

BOOST_AUTO_TEST_SUITE_END()
