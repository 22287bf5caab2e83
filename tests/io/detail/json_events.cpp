#include <tamp/io/detail/json_events.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(io_detail_json_events)

using support::check_error;
using tamp::file_error;
using tamp::detail::open_keys;
using tamp::detail::read_object;

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

std::string events_of(std::string_view text, int deepest = 8) {
  scribe seen;
  read_object(text, deepest, "file", "the text", seen);
  return seen.text;
}
void refused(std::string_view text, std::string_view sentence, int deepest = 8) {
  check_error<file_error>("file: the text" + std::string(sentence),
                          [&] { events_of(text, deepest); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(events_come_in_the_order_of_the_text) {
  BOOST_TEST(events_of(R"( {"a":[1,-2,0.5,{"b":null}],"c":{"d":[true,[]]},"e":"\u00fc"} )", 4) ==
             "{ a: [ +1 -2 0.5f { b: null } ] c: { d: [ yes [ ] ] } e: '\xc3\xbc' } ");
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
  BOOST_TEST(events_of(R"({"a":1,"a\u0000":2})") == "{ a: +1 a\0: +2 } "sv);
  refused(R"({"a\u0000":1,"a\u0000":2})", " has the key 'a\\x00' twice");
}

BOOST_AUTO_TEST_CASE(depth_is_that_of_the_innermost_value) {
  BOOST_TEST(events_of(R"({"a":1})", 1) == "{ a: +1 } ");
  BOOST_TEST(events_of(R"({"a":[]})", 1) == "{ a: [ ] } ");
  refused(R"({"a":[1]})", "'s JSON is nested more than 1 levels deep", 1);
  refused(R"({"a":{"b":1}})", "'s JSON is nested more than 1 levels deep", 1);
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

BOOST_AUTO_TEST_SUITE_END()
