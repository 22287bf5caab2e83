// Options in a file: what is written is read back, and anything else is refused.
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <study/run_description.hpp>
#include <study/toml_text.hpp>
#include <tamp/error.hpp>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(examples_toml_text)

using study::toml_option;
using study::toml_reader;
using study::toml_text;

namespace {

void check_read(std::string_view text, const std::vector<std::vector<std::string>>& values) {
  const auto read = toml_reader(text).read();
  BOOST_REQUIRE_MESSAGE(read.size() == values.size(), text);
  for (std::size_t k = 0; k < read.size(); ++k)
    BOOST_TEST((read[k].values == values[k]), text << ": " << read[k].name);
}

}  // namespace

BOOST_AUTO_TEST_CASE(texts_are_quoted) {
  BOOST_TEST(toml_text("") == R"("")");
  BOOST_TEST(toml_text("wanda") == R"("wanda")");
  BOOST_TEST(toml_text(R"(a "b" \c)") == R"("a \"b\" \\c")");
  BOOST_TEST(toml_text("a\nb\x7f") == R"("a\u000ab\u007f")");
  BOOST_TEST(toml_text("\u00e9") == "\"\u00e9\"");
  BOOST_TEST(toml_text("\xe9.gguf\xc3") == R"("\udce9.gguf\udcc3")");  // Latin-1, and cut off
}

BOOST_AUTO_TEST_CASE(any_text_comes_back) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  study::run_description run{"tamp_study", "tamp 1", {{"none", {""}}, {"all", {all}}}};
  for (const char* text : {"#", "a # b", "'", "\"", "\\", "\\\"", " a b ", "a=b", "[a, b]", "[",
                           ",", "C:\\new", "\u00e9", "true"})
    run.options.push_back({std::string("of_") + std::to_string(run.options.size()), {text}});
  run.options.push_back({"list", {"a, b", "#", "]"}, false, true});
  run.options.push_back({"numbers", {"0.3", "1e-5"}, true, true});
  run.options.push_back({"number", {"4"}, true});
  const std::string text = run_text(run);
  BOOST_TEST(!nlohmann::json(text).dump().empty());  // throws if it is no UTF-8
  const auto read = toml_reader(text).read();
  BOOST_TEST_REQUIRE(read.size() == run.options.size());
  for (std::size_t k = 0; k < read.size(); ++k) {
    BOOST_TEST(read[k].name == run.options[k].name);
    BOOST_TEST((read[k].values == run.options[k].values), read[k].name);
  }
}

BOOST_AUTO_TEST_CASE(files_may_be_written_by_hand) {
  check_read("", {});
  check_read("# nothing\n\n  # at all", {});
  check_read("score=wanda", {{"wanda"}});
  check_read("  score = \"wanda\"  # a comment\r\n", {{"wanda"}});
  check_read("sparsity = 0.3, 0.5\nseed=[0]", {{"0.3", "0.5"}, {"0"}});
  check_read("sparsity = [ # two\n  0.3,\n  0.5,  # and no more\n]\nlayers=true",
             {{"0.3", "0.5"}, {"true"}});
  check_read(R"(text = 'a\b "c"')", {{R"(a\b "c")"}});
  check_read(R"(text = "\udc80\udcFF")", {{"\x80\xff"}});
  check_read(R"(text = "\b\t\n\f\r\"\\\u0041\u00e9\u20AC")", {{"\b\t\n\f\r\"\\A\u00e9\u20ac"}});
}

BOOST_AUTO_TEST_CASE(mistakes_are_sentences_with_the_line) {
  const auto refused = [](std::string_view text, const std::string& sentence) {
    support::check_error<tamp::value_error>(sentence, [&] { toml_reader(text).read(); });
  };
  const std::string expected = "an option and its value are expected, as in score = \"wanda\"";
  for (const char* text : {"score", "=wanda", "score wanda", "score\n= wanda"})
    refused(text, "line 1: " + expected);
  refused("# a\n\nscore=\n", "line 3: there is no value");
  refused("score=,", "line 1: a value is missing");
  refused("score=a,", "line 1: a value is missing behind the comma");
  refused("score=a\nseed=1\nscore=b", "line 3: score is there twice");
  refused("text=my file",
          "line 1: there is more behind the value of text: a text with blanks needs "
          "quotation marks");
  refused("text=\"a\" b",
          "line 1: there is more behind the value of text: a text with blanks needs "
          "quotation marks");
  refused("text=\"a\nseed=1", "line 1: the text has no end: \" is missing");
  refused("text='a", "line 1: the text has no end: ' is missing");
  refused(R"(text="C:\new\model")", "line 1: in \"...\" a backslash is written \\\\");
  refused(R"(text="\u12")", "line 1: four hexadecimal digits are expected behind \\u");
  for (const char* half : {"d800", "d83d", "dc7f", "dd00", "dfff"})
    refused("text=\"\\u" + std::string(half) + '"', "line 1: \\ud800 to \\udfff are no characters");
  refused("seed=[1", "line 1: the list has no end");
  refused("seed=[1 2]", "line 1: a list has commas between its values");
  refused("seed=[]", "line 1: the list has no value");
  refused("seed=[[1]]", "line 1: a value is missing");
  refused("[model]\n", "line 1: there are no sections");
}

BOOST_AUTO_TEST_SUITE_END()
