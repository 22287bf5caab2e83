// Tokens that leave a folder: all of its files name those that stay by their new numbers.
#include <prune/folder_vocabulary.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <tamp/error.hpp>
#include <tamp/io/unit_plan.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_folder_vocabulary)

namespace fs = std::filesystem;
using nlohmann::json;
using support::check_error;
using support::dtype;
using support::random_tensor;
using support::temporary_folder;
using tamp_prune::settings;

namespace {

constexpr std::size_t rows = 9, hidden = 4;

// a, b and c, what is made of them, a special token, and a row without a token.
json tokenizer_of_letters() {
  return {{"version", "1.0"},
          {"added_tokens", {{{"id", 7}, {"content", "<e>"}, {"special", true}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer", nullptr},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"special_tokens", {{"<e>", {{"id", "<e>"}, {"ids", {7}}, {"tokens", {"<e>"}}}}}}}},
          {"model",
           {{"type", "BPE"},
            {"vocab", {{"a", 0}, {"ab", 1}, {"b", 2}, {"bc", 3}, {"c", 4}, {"abc", 5}, {"ca", 6}}},
            {"merges", {"a b", json::array({"b", "c"}), "ab c", "c a"}}}}};
}

json config_of(std::size_t tokens) {
  return {
      {"model_type", "llama"},    {"hidden_size", hidden},   {"num_hidden_layers", 1},
      {"num_attention_heads", 1}, {"vocab_size", tokens},    {"eos_token_id", {7, 4}},
      {"bos_token_id", 7},        {"pad_token_id", nullptr}, {"suppress_tokens", json::array()}};
}

struct model_folder {
  temporary_folder folder;
  settings s;

  explicit model_folder(const json& tokenizer = tokenizer_of_letters(),
                        const json& config = config_of(rows), bool has_other = false) {
    fs::create_directories(folder / "model");
    std::vector<support::stored> tensors{
        random_tensor("model.embed_tokens.weight", dtype::f32, {rows, hidden}),
        random_tensor("lm_head.weight", dtype::f32, {rows, hidden}),
        random_tensor("lm_head.bias", dtype::f32, {rows}),
        random_tensor("model.layers.0.self_attn.o_proj.weight", dtype::f32, {rows, hidden})};
    if (has_other) tensors.push_back(random_tensor("model.other", dtype::f32, {hidden, rows}));
    support::write_weights(folder / "model/model.safetensors", tensors);
    folder.write("model/config.json", config.dump());
    folder.write("model/tokenizer.json", tokenizer.dump());
    folder.write("model/tokenizer_config.json",
                 json{{"added_tokens_decoder", {{"7", {{"content", "<e>"}}}}}}.dump());
    folder.write("model/generation_config.json", json{{"eos_token_id", 7}}.dump());
    folder.write("model/vocab.json", tokenizer["model"]["vocab"].dump());
    folder.write("model/merges.txt", "#version: 0.2\na b\nb c\nab c\nc a\n");
    folder.write("model/added_tokens.json", json{{"<e>", 7}}.dump());
    folder.write("model/tokenizer.model", "of sentencepiece");
    s = support::settings_for(folder / "model", folder / "out");
    s.structure = {"vocabulary"};
    s.plan = (folder / "plan.json").string();
    keep({0, 1, 2, 4, 5, 7});
  }
  void keep(std::vector<std::size_t> kept) const {
    tamp::io::save(s.plan,
                   tamp::structure::unit_plan{
                       "by hand", {{"vocabulary", "vocabulary", rows, std::move(kept)}}, {}});
  }
  json out(const std::string& name) const {
    return json::parse(support::read_bytes(folder / "out" / name));
  }
  void is_refused(const std::string& sentence) const {
    check_error<tamp::value_error>("--structure vocabulary: " + sentence,
                                   [&] { tamp_prune::run(s, {}); });
    BOOST_TEST(!fs::exists(folder / "out"));
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(all_files_have_the_new_numbers) {
  const model_folder model;
  const std::string printed = support::output_of(model.s);
  BOOST_TEST(printed.find("6 of 9 tokens stay") != std::string::npos);
  BOOST_TEST(printed.find("left out: tokenizer.model") != std::string::npos);
  const json vocabulary{{"a", 0}, {"ab", 1}, {"b", 2}, {"c", 3}, {"abc", 4}};
  const json tokenizer = model.out("tokenizer.json");
  BOOST_TEST((tokenizer["model"]["vocab"] == vocabulary));
  BOOST_TEST((tokenizer["model"]["merges"] == json{"a b", "ab c"}));
  BOOST_TEST((tokenizer["added_tokens"][0]["id"] == 5));
  BOOST_TEST((tokenizer["post_processor"]["special_tokens"]["<e>"]["ids"] == json{5}));
  BOOST_TEST((model.out("vocab.json") == vocabulary));
  BOOST_TEST((model.out("added_tokens.json") == json{{"<e>", 5}}));
  BOOST_TEST(support::read_bytes(model.folder / "out/merges.txt") == "#version: 0.2\na b\nab c\n");
  BOOST_TEST((model.out("tokenizer_config.json")["added_tokens_decoder"] ==
              json{{"5", {{"content", "<e>"}}}}));
  BOOST_TEST((model.out("generation_config.json")["eos_token_id"] == 5));
  const json config = model.out("config.json");
  BOOST_TEST((config["vocab_size"] == 6));
  BOOST_TEST((config["eos_token_id"] == json{5, 3}));
  BOOST_TEST((config["pad_token_id"] == nullptr));
  BOOST_TEST(!fs::exists(model.folder / "out/tokenizer.model"));
  // Rows, and of the bias numbers; a block's own rows stay, though they are as many.
  const auto bytes = [&](const char* tensor, const char* place) {
    return support::bytes_in(model.folder / place, tensor);
  };
  const std::string before = bytes("lm_head.bias", "model");
  std::string expected;
  for (const std::size_t t : {0u, 1u, 2u, 4u, 5u, 7u}) expected += before.substr(4 * t, 4);
  BOOST_TEST((bytes("lm_head.bias", "out") == expected));
  BOOST_TEST(bytes("model.embed_tokens.weight", "out").size() == 6 * hidden * 4);
  BOOST_TEST((bytes("model.layers.0.self_attn.o_proj.weight", "out") ==
              bytes("model.layers.0.self_attn.o_proj.weight", "model")));
}

BOOST_AUTO_TEST_CASE(what_would_break_the_tokenizer_is_refused_before_anything_is_written) {
  const model_folder model;
  model.keep({0, 2, 4, 5, 7});
  model.is_refused("token 1, 'ab', cannot leave: a merge of it makes token 5, 'abc', which stays");
  model.keep({0, 1, 2, 4, 5, 6});
  model.is_refused(
      "token 7, '<e>', cannot leave: it is special, a beginning of other tokens, or named by the "
      "configuration");
  json tokenizer = tokenizer_of_letters();
  tokenizer["model"]["type"] = "Unigram";
  model_folder(tokenizer).is_refused(
      "tokenizer.json has a tokenizer 'Unigram', and tamp cuts byte-pair encodings, 'BPE', alone");
  tokenizer = tokenizer_of_letters();
  tokenizer["model"]["end_of_word_suffix"] = "</w>";
  model_folder(tokenizer).is_refused(
      "tokenizer.json has end_of_word_suffix, with which a merge is not the sum of its sides");
  tokenizer = tokenizer_of_letters();
  tokenizer["post_processor"] = {{"type", "BertProcessing"}};
  model_folder(tokenizer).is_refused(
      "tokenizer.json has the post-processor 'BertProcessing', and tamp does not know how it names "
      "tokens");
  tokenizer = tokenizer_of_letters();
  tokenizer["model"]["vocab"]["d"] = 9;
  model_folder(tokenizer).is_refused(
      "tokenizer.json gives 'd' the number 9, and the embedding has 9 rows");
  tokenizer = tokenizer_of_letters();
  tokenizer["model"]["merges"].push_back("ab");
  model_folder(tokenizer).is_refused("tokenizer.json has a merge \"ab\", which is no pair");
  json config = config_of(rows);
  config["bad_words_ids"] = {{3}};
  model_folder(tokenizer_of_letters(), config)
      .is_refused(
          "a configuration names tokens by bad_words_ids, of which tamp does not know what "
          "becomes");
  model_folder(tokenizer_of_letters(), config_of(rows + 1))
      .is_refused("config.json has no vocab_size of 9, the rows of the embedding");
  model_folder(tokenizer_of_letters(), config_of(rows), true)
      .is_refused(
          "model.other has 9 of something, as many as there are tokens, and tamp does not know of "
          "what");
}

// Members of tokenizer.json that name tokens must be of the right type.
BOOST_AUTO_TEST_CASE(members_of_other_kinds_are_refused_with_a_sentence) {
  const auto refused = [](const char* place, const json& value, const std::string& sentence) {
    json tokenizer = tokenizer_of_letters();
    tokenizer[json::json_pointer(place)] = value;
    model_folder(tokenizer).is_refused(sentence);
  };
  refused("/added_tokens", "<e>",
          "tokenizer.json has no list of added_tokens where there must be one");
  refused("/added_tokens", {"<e>"},
          "tokenizer.json has an added token \"<e>\", which has no content or no id");
  refused(
      "/added_tokens", {{{"id", 7}, {"content", 7}}},
      "tokenizer.json has an added token {\"content\":7,\"id\":7}, which has no content or no id");
  refused("/added_tokens", {{{"id", "7"}, {"content", "<e>"}}},
          "tokenizer.json: '<e>' has the number \"7\", which is none of a token");
  refused("/post_processor", {{"type", "Sequence"}, {"processors", 1}},
          "tokenizer.json has no list of processors where there must be one");
  refused("/post_processor/special_tokens", {1},
          "tokenizer.json has no list of ids where there must be one");
  refused("/padding", "left", "tokenizer.json has a padding without a pad_id");
  refused("/padding", {{"pad_id", nullptr}},
          "tokenizer.json has the number null, which is none of a token");
  refused("/padding", {{"pad_id", 3}}, "tokenizer.json names token 3, which does not stay");
}

BOOST_AUTO_TEST_SUITE_END()
