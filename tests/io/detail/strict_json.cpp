#include <tamp/io/detail/strict_json.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(io_detail_strict_json)

using support::check_error;
using tamp::file_error;

namespace {

nlohmann::json parsed(std::string_view text, int deepest = 8) {
  return tamp::detail::parse_object(text, deepest, "file", "the text");
}

// Reads members of each type.
struct reader : tamp::detail::strict_reader<nlohmann::json> {
  reader() : strict_reader("file", "plan") {}
  std::size_t sum(const nlohmann::json& json) const {
    check_version(json, "plan", 3);
    check_keys(json, "", {"plan", "part", "sizes"});
    const nlohmann::json& part = object(json, "", "part");
    check_keys(part, "part", {"name", "count", "number"});
    std::size_t all = text(part, "part", "name").size() + count(part, "part", "count") +
                      std::size_t(number(part, "part", "number"));
    for (const std::size_t size : counts(json, "sizes")) all += size;
    return all;
  }
};
const nlohmann::json whole =
    parsed(R"({"plan":3,"part":{"name":"four","count":20,"number":100.5},"sizes":[1000,10000]})");

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

BOOST_AUTO_TEST_CASE(a_document_by_hand) {
  const auto json = parsed(R"({"a":[1,-2,0.5,{"b":null}],"c":{"d":[true,[]]},"e":{}})");
  BOOST_TEST(json.dump() == R"({"a":[1,-2,0.5,{"b":null}],"c":{"d":[true,[]]},"e":{}})");
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

BOOST_AUTO_TEST_CASE(numbers_of_any_length_are_numbers) {
  const std::string digits(1'000'000, '9');
  BOOST_TEST(parsed("{\"a\":0." + digits + "}")["a"].get<double>() == 1.0);
  check_error<file_error>("file: the text is not valid JSON",  // beyond a double
                          [&] { parsed("{\"a\":" + digits + "}"); });
  BOOST_TEST(parsed(R"({"a":18446744073709551615})")["a"].is_number_unsigned());
  BOOST_TEST(parsed(R"({"a":18446744073709551616})")["a"].is_number_float());
}

BOOST_AUTO_TEST_CASE(members_are_read_by_type) { BOOST_TEST(reader().sum(whole) == 11124u); }

BOOST_AUTO_TEST_CASE(what_is_missing_unknown_or_of_another_type_is_named_with_its_place) {
  const auto refused = [](std::string_view sentence, auto&& change) {
    nlohmann::json json = whole;
    change(json);
    check_error<file_error>("file: " + std::string(sentence), [&] { reader().sum(json); });
  };
  using json = nlohmann::json;
  refused("the plan is not a JSON object", [](json& j) { j = json::array(); });
  refused("is no plan: it has no 'plan'", [](json& j) { j.erase("plan"); });
  refused("is a plan of version 4, and tamp reads version 3", [](json& j) { j["plan"] = 4u; });
  refused("siezs is no part of a plan", [](json& j) { j["siezs"] = 1; });
  refused("part.a\\x0ab is no part of a plan", [](json& j) { j["part"]["a\nb"] = 1; });
  refused("part is missing", [](json& j) { j.erase("part"); });
  refused("part.name is missing", [](json& j) { j["part"].erase("name"); });
  refused("part is not a JSON object", [](json& j) { j["part"] = 1; });
  refused("part.name is not a text", [](json& j) { j["part"]["name"] = 1; });
  refused("part.number is not a number", [](json& j) { j["part"]["number"] = "1"; });
  refused("part.count is not a count", [](json& j) { j["part"]["count"] = -1; });
  refused("sizes[1] is not a count", [](json& j) { j["sizes"][1] = 0.5; });
  refused("sizes is not a list", [](json& j) { j["sizes"] = 1; });
}

BOOST_AUTO_TEST_SUITE_END()
