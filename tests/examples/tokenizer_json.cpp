// tokenizer.json, by hand, against the tokenizers of GGUF files, and in forms that are refused.
#include <llama/tokenizer_json.hpp>

#include <boost/test/unit_test.hpp>
#include <llama/config.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../io/files.hpp"
#include "folders.hpp"

BOOST_AUTO_TEST_SUITE(examples_tokenizer_json)

namespace {

using nlohmann::json;
using support::temporary_folder;
using tokens = std::vector<int>;

llama::tokenizer read(const json& file) {
  const temporary_folder folder;
  return llama::read_tokenizer(folder.write("tokenizer.json", file.dump()));
}

// The splitting of qwen2 (one digit) and Llama 3 (up to three).
json splitting(const std::string& digits) {
  const std::string pattern = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})" +
                              digits + R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"},
             {"pattern", {{"Regex", pattern}}},
             {"behavior", "Isolated"},
             {"invert", false}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
}

// Of sentencepiece, as Llama 2 has it: "ab" is joined before "bc", and "abc" of "ab" and "c".
json characters() {
  return json::parse(R"({
    "added_tokens": [{"id": 0, "content": "<unk>", "special": true},
                     {"id": 1, "content": "<s>", "special": true}],
    "normalizer": {"type": "Sequence", "normalizers": [
      {"type": "Prepend", "prepend": "\u2581"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
    "pre_tokenizer": null,
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
      "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
    "model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": true, "ignore_merges": false,
      "vocab": {"<unk>": 0, "<s>": 1, "<0xC3>": 2, "<0xA9>": 3, "\u2581": 4, "a": 5, "b": 6, "c": 7,
                "ab": 8, "bc": 9, "abc": 10, "ca": 11},
      "merges": ["a b", "b c", "ab c", "a bc"]}})");
}

void check_refused(const json& file, const std::string& words) {
  BOOST_CHECK_EXCEPTION(read(file), llama::error, [&](const auto& problem) {
    BOOST_TEST_MESSAGE(problem.what());
    return std::string(problem.what()).find(words) != std::string::npos;
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(on_bytes_by_hand) {
  json file = support::three_tokens();
  BOOST_TEST((read(file).encode("abba") == tokens{2, 1, 0}));
  BOOST_TEST(!read(file).start().has_value());
  file["model"]["merges"] = {"a b"};  // the older spelling
  BOOST_TEST((read(file).encode("abba") == tokens{2, 1, 0}));
  // A token of its own is found first, a special one never.
  file["added_tokens"] = {{{"id", 3}, {"content", "ba"}, {"special", false}},
                          {{"id", 4}, {"content", "bb"}, {"special", true}}};
  BOOST_TEST((read(file).encode("abba") == tokens{2, 3}));
  BOOST_TEST((read(file).encode("bbb") == tokens{1, 1, 1}));
}

BOOST_AUTO_TEST_CASE(digits_are_split_as_the_pattern_says) {
  json file = support::three_tokens();
  file["model"]["vocab"] = {{"1", 0}, {"2", 1}, {"12", 2}, {"a", 3}};
  file["model"]["merges"] = {"1 2"};
  for (const auto& [digits, expected] :
       std::vector<std::pair<std::string, tokens>>{{"", {0, 1, 3}}, {"{1,3}", {2, 3}}}) {
    file["pre_tokenizer"] = splitting(digits);
    BOOST_TEST((read(file).encode("12a") == expected));
  }
}

BOOST_AUTO_TEST_CASE(whole_pieces_without_merges) {
  json file = support::three_tokens();
  file["pre_tokenizer"] = splitting("{1,3}");
  file["model"]["vocab"]["abb"] = 3;
  BOOST_TEST((read(file).encode("abb") == tokens{2, 1}));
  file["model"]["ignore_merges"] = true;
  BOOST_TEST((read(file).encode("abb") == tokens{3}));
}

BOOST_AUTO_TEST_CASE(on_characters_by_hand) {
  const llama::tokenizer t = read(characters());
  BOOST_TEST((t.start() == 1));
  BOOST_TEST((t.encode("abc") == tokens{4, 10}));
  BOOST_TEST((t.encode("bc a") == tokens{4, 9, 4, 5}));
  BOOST_TEST((t.encode("\u00e9") == tokens{4, 2, 3}));  // its bytes
  BOOST_TEST((t.encode("ca") == tokens{4, 7, 5}));      // a token that no merge makes
}

BOOST_AUTO_TEST_CASE(blanks_before_a_text) {
  json file = characters();
  BOOST_TEST((read(file).encode(" a") == tokens{4, 4, 5}));
  file["normalizer"] = nullptr;
  file["pre_tokenizer"] = {{"type", "Metaspace"},
                           {"replacement", "\u2581"},
                           {"prepend_scheme", "first"},
                           {"split", false}};
  BOOST_TEST((read(file).encode("a") == tokens{4, 5}));
  BOOST_TEST((read(file).encode(" a") == tokens{4, 5}));
  file["pre_tokenizer"]["prepend_scheme"] = "never";
  BOOST_TEST((read(file).encode("a") == tokens{5}));
  // As gemma has it.
  file = characters();
  file["normalizer"] = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}};
  file["pre_tokenizer"] = {{"type", "Split"},
                           {"pattern", {{"String", " "}}},
                           {"behavior", "MergedWithPrevious"},
                           {"invert", false}};
  BOOST_TEST((read(file).encode("a b") == tokens{5, 4, 6}));
}

BOOST_AUTO_TEST_CASE(what_would_split_or_spell_otherwise_is_refused) {
  const auto changed = [](json file, const char* pointer, const json& value) {
    file[json::json_pointer(pointer)] = value;
    return file;
  };
  const json bytes = support::three_tokens();
  check_refused(changed(bytes, "/model/type", "WordPiece"), "has a tokenizer 'WordPiece'");
  check_refused(changed(bytes, "/model/end_of_word_suffix", "</w>"), "end_of_word_suffix");
  check_refused(changed(bytes, "/model/dropout", 0.1), "dropout");
  check_refused(changed(bytes, "/normalizer", {{"type", "NFKC"}}), "the normalizer");
  check_refused(changed(bytes, "/pre_tokenizer", nullptr), "the pre-tokenizer");
  check_refused(changed(bytes, "/pre_tokenizer", splitting("{1,2}")), "the pre-tokenizer");
  check_refused(changed(bytes, "/pre_tokenizer/pretokenizers/1/add_prefix_space", true),
                "the pre-tokenizer");
  check_refused(changed(bytes, "/post_processor", {{"type", "BertProcessing"}}), "BertProcessing");
  check_refused(changed(bytes, "/model/merges", {"ab"}), "is not a pair");
  check_refused(changed(bytes, "/model/merges", {"b b"}), "'bb'");
  check_refused(changed(bytes, "/model/vocab/a", -1), "the number -1");
  check_refused(changed(bytes, "/model/vocab/a", 1e12), "the number");
  check_refused(changed(bytes, "/added_tokens",
                        {{{"id", 3}, {"content", "x"}, {"special", false}, {"lstrip", true}}}),
                "with 'lstrip'");
  const json marked = characters();
  check_refused(changed(marked, "/normalizer", nullptr), "does not mark blanks");
  check_refused(changed(marked, "/normalizer", {{"type", "Lowercase"}}), "Lowercase");
  check_refused(changed(marked, "/pre_tokenizer", {{"type", "Whitespace"}}), "Whitespace");
  check_refused(changed(marked, "/model/merges", {"b b"}), "makes no token");
  check_refused(json::array(), "is no JSON object");
  check_refused(json::object(), "cannot be read");
  // To copy or print a hundred thousand levels would overflow the stack.
  json deep;
  for (int k = 0; k < 64; ++k) deep = json::array({std::move(deep)});
  check_refused(changed(bytes, "/pre_tokenizer", deep), "or nested more than 64 deep");
}

BOOST_AUTO_TEST_SUITE_END()
