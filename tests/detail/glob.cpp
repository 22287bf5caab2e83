#include <tamp/detail/glob.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(detail_glob)

using tamp::detail::glob_match;

namespace {

// The definition: a * takes in nothing, or one more character.
bool by_definition(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*')
    return by_definition(pattern.substr(1), text) ||
           (!text.empty() && by_definition(pattern, text.substr(1)));
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
         by_definition(pattern.substr(1), text.substr(1));
}

}  // namespace

BOOST_AUTO_TEST_CASE(names_of_layers) {
  BOOST_TEST(glob_match("*.mlp.*", "model.layers.3.mlp.up_proj"));
  BOOST_TEST(!glob_match("*.mlp.*", "model.layers.3.mlp"));
  BOOST_TEST(glob_match("blk.?.attn_q.weight", "blk.7.attn_q.weight"));
  BOOST_TEST(!glob_match("blk.?.attn_q.weight", "blk.17.attn_q.weight"));
  BOOST_TEST(glob_match("*norm*", "norm"));
  BOOST_TEST(!glob_match("output", "output.weight"));
}

BOOST_AUTO_TEST_CASE(edges) {
  BOOST_TEST(glob_match("", ""));
  BOOST_TEST(!glob_match("", "a"));
  BOOST_TEST(glob_match("*", ""));
  BOOST_TEST(glob_match("***", ""));
  BOOST_TEST(!glob_match("?", ""));
  BOOST_TEST(glob_match("**a", "aaa"));
  BOOST_TEST(glob_match("a*", "a"));
  BOOST_TEST(!glob_match("a*b", "ab.c"));
  BOOST_TEST(glob_match("[a]", "[a]"));
}

BOOST_AUTO_TEST_CASE(it_is_known_when_compiling) {
  static_assert(glob_match("a*c?", "abccd"));
  static_assert(!glob_match("a*c?", "abccde"));
}

BOOST_AUTO_TEST_CASE(many_stars_cost_no_more_than_the_product_of_the_lengths) {
  std::string pattern, text(3000, 'a');
  for (int k = 0; k < 200; ++k) pattern += "*a";
  BOOST_TEST(glob_match(pattern, text));
  BOOST_TEST(!glob_match(pattern + "b", text));
}

BOOST_AUTO_TEST_CASE(it_is_what_the_definition_says) {
  std::mt19937 random(1);
  const auto any = [&](std::string_view letters, std::size_t longest) {
    std::string word(random() % (longest + 1), ' ');
    for (char& c : word) c = letters[random() % letters.size()];
    return word;
  };
  std::size_t fits = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::string pattern = any("ab*?", 7), text = any("ab", 8);
    const bool expected = by_definition(pattern, text);
    fits += expected;
    BOOST_TEST(glob_match(pattern, text) == expected, pattern << " and " << text);
  }
  BOOST_TEST(fits > 1000u);
}

BOOST_AUTO_TEST_SUITE_END()
