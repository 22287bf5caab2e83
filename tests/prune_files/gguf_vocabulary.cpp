// Tokens that leave a GGUF file: texts of those that stay have the same tokens and logits as before.
#include <prune/gguf_vocabulary.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <llama/forward.hpp>
#include <llama/load_gguf.hpp>
#include <memory>
#include <string>
#include <tamp/error.hpp>
#include <tamp/io/gguf.hpp>
#include <utility>
#include <vector>

#include "../examples/gguf_models.hpp"
#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_gguf_vocabulary)

namespace fs = std::filesystem;
using llama::Index;
using support::check_error;
using support::output_of;
using support::temporary_folder;

namespace {

enum kind : std::int32_t { normal = 1, control = 3, unused = 5, byte = 6 };

// A model whose embedding has a row for each of some tokens.
llama::model model_of(std::size_t tokens) {
  llama::model m = support::model_of("llama");
  const Index rows = Index(tokens);
  m.config.vocabulary = rows;
  auto ends = *m.ends;
  ends.embedding = support::hashed_numbers("embedding", rows, m.config.hidden);
  if (ends.untied_head.size() != 0)
    ends.untied_head = support::hashed_numbers("head", rows, m.config.hidden);
  m.ends = std::make_shared<const decltype(ends)>(std::move(ends));
  return m;
}

void check_logits(const llama::model& dense, const fs::path& path, const std::vector<int>& before,
                  const std::vector<int>& after, const std::vector<int>& kept) {
  const llama::model smaller = llama::load_gguf(path.string()).model;
  const auto logits = [](const llama::model& m, const std::vector<int>& tokens) {
    return llama::matrix(llama::forward(m, llama::embed(m, tokens)) * m.ends->head().transpose());
  };
  const llama::matrix e = logits(dense, before), a = logits(smaller, after);
  BOOST_TEST_REQUIRE(a.cols() == Index(kept.size()));
  for (Index j = 0; j < a.cols(); ++j)
    BOOST_TEST((a.col(j) - e.col(kept[std::size_t(j)])).cwiseAbs().maxCoeff() <=
               1e-5f * e.cwiseAbs().maxCoeff());
}

}  // namespace

BOOST_AUTO_TEST_CASE(of_bytes_what_a_text_does_not_use_leaves) {
  const temporary_folder folder;
  const std::vector<std::string> tokens{"a", "ab", "b", "c", "bc", "abc", "<e>", "[PAD7]"};
  llama::model dense = model_of(tokens.size());
  auto file = support::gguf_of(dense);
  file.add("llama.vocab_size", std::uint32_t(tokens.size()));
  file.add("tokenizer.ggml.model", std::string("gpt2"));
  file.add("tokenizer.ggml.pre", std::string("smollm"));
  file.add("tokenizer.ggml.tokens", tokens);
  file.add("tokenizer.ggml.token_type", std::vector<std::int32_t>{normal, normal, normal, normal,
                                                                  normal, normal, control, unused});
  file.add("tokenizer.ggml.merges", std::vector<std::string>{"a b", "b c", "ab c"});
  file.add("tokenizer.ggml.eos_token_id", std::uint32_t(6));
  folder.write("model.gguf", file.bytes());
  folder.write("text.txt", "abcbb");  // abc b b
  auto s = support::settings_for(folder / "model.gguf", folder / "out.gguf");
  s.structure = {"vocabulary:unused"};
  check_error<tamp::value_error>(
      "--structure vocabulary counts the uses of tokens in a text: it needs --vocabulary-text or "
      "--text",
      [&] { tamp_prune::run(s, {}); });
  s.vocabulary_text = (folder / "text.txt").string();
  const std::string printed = output_of(s);
  BOOST_TEST(printed.find("6 of 8 tokens stay") != std::string::npos);
  const tamp::io::gguf_file out(folder / "out.gguf");
  BOOST_TEST((out.values<std::string>("tokenizer.ggml.tokens") ==
              std::vector<std::string>{"a", "ab", "b", "c", "abc", "<e>"}));
  BOOST_TEST((out.values<std::string>("tokenizer.ggml.merges") ==
              std::vector<std::string>{"a b", "ab c"}));
  BOOST_TEST((out.values<std::int32_t>("tokenizer.ggml.token_type") ==
              std::vector<std::int32_t>{normal, normal, normal, normal, normal, control}));
  BOOST_TEST(out.value<std::uint32_t>("tokenizer.ggml.eos_token_id") == 5u);
  BOOST_TEST(out.value<std::uint32_t>("llama.vocab_size") == 6u);
  const auto old = llama::load_gguf_tokenizer((folder / "model.gguf").string());
  const auto now = llama::load_gguf_tokenizer((folder / "out.gguf").string());
  BOOST_TEST((old.encode("abcbb") == std::vector<int>{5, 2, 2}));
  BOOST_TEST((now.encode("abcbb") == std::vector<int>{4, 2, 2}));
  BOOST_TEST((now.encode("bcab") == std::vector<int>{2, 3, 1}));  // bc has left
  check_logits(dense, folder / "out.gguf", {5, 2, 2}, {4, 2, 2}, {0, 1, 2, 3, 5, 6});
}

BOOST_AUTO_TEST_CASE(of_characters_scores_leave_with_their_tokens) {
  const temporary_folder folder;
  std::vector<std::string> tokens{"<unk>", "x", "y", "xy", "xyx", "yx"};
  std::vector<float> scores{0, 0, 0, -1, -2, -3};
  std::vector<std::int32_t> kinds{2, normal, normal, normal, normal, normal};
  constexpr const char* digits = "0123456789ABCDEF";
  for (std::size_t k = 0; k < 256; ++k) {
    tokens.push_back(std::string("<0x") + digits[k / 16] + digits[k % 16] + '>');
    scores.push_back(0);
    kinds.push_back(byte);
  }
  llama::model dense = model_of(tokens.size());
  auto file = support::gguf_of(dense);
  file.add("tokenizer.ggml.model", std::string("llama"));
  file.add("tokenizer.ggml.add_space_prefix", false);
  file.add("tokenizer.ggml.tokens", tokens);
  file.add("tokenizer.ggml.scores", scores);
  file.add("tokenizer.ggml.token_type", kinds);
  folder.write("model.gguf", file.bytes());
  folder.write("text.txt", "xyxy");  // xy is joined twice
  auto s = support::settings_for(folder / "model.gguf", folder / "out.gguf");
  s.structure = {"vocabulary:2"};
  s.vocabulary_text = (folder / "text.txt").string();
  output_of(s);
  const tamp::io::gguf_file out(folder / "out.gguf");
  // xyx and yx; x and y stay, as xy is made of them.
  const auto kept = out.values<std::string>("tokenizer.ggml.tokens");
  BOOST_TEST((std::vector(kept.begin(), kept.begin() + 4) ==
              std::vector<std::string>{"<unk>", "x", "y", "xy"}));
  BOOST_TEST(kept.size() == 260u);
  BOOST_TEST(out.values<float>("tokenizer.ggml.scores")[3] == -1);
  const auto now = llama::load_gguf_tokenizer((folder / "out.gguf").string());
  BOOST_TEST((now.encode("xyxyz") == std::vector<int>{3, 3, 4 + 'z'}));
  // All but the bytes and the unknown token may leave: a text is its bytes then.
  s.structure = {"vocabulary:5"};
  s.overwrite = true;
  output_of(s);
  const auto bytes = llama::load_gguf_tokenizer((folder / "out.gguf").string());
  BOOST_TEST((bytes.encode("xy") == std::vector<int>{1 + 'x', 1 + 'y'}));
}

BOOST_AUTO_TEST_CASE(tokenizers_of_other_kinds_are_refused_before_anything_is_written) {
  const temporary_folder folder;
  const llama::model dense = model_of(3);
  const auto refused = [&](const std::string& sentence, const std::string& form,
                           const std::vector<std::string>& tokens) {
    auto file = support::gguf_of(dense);
    file.add("tokenizer.ggml.model", form);
    file.add("tokenizer.ggml.tokens", tokens);
    file.add("tokenizer.ggml.merges", std::vector<std::string>{"a b"});
    folder.write("model.gguf", file.bytes());
    folder.write("text.txt", "ab");
    auto s = support::settings_for(folder / "model.gguf", folder / "out.gguf");
    s.structure = {"vocabulary:1"};
    s.vocabulary_text = (folder / "text.txt").string();
    check_error<tamp::value_error>(sentence, [&] { tamp_prune::run(s, {}); });
    BOOST_TEST(!fs::exists(folder / "out.gguf"));
  };
  refused(
      "--structure vocabulary: the file has a tokenizer 'bert', and tamp cuts byte-pair encodings, "
      "'gpt2' and 'llama', alone",
      "bert", {"a", "b", "ab"});
  refused(
      "--structure vocabulary: the file lists 2 tokens and 0 kinds of tokens, and the embedding "
      "has "
      "3 rows",
      "gpt2", {"a", "b"});
  refused("--structure vocabulary: merge 0, 'a b', names 'ab', which is no token", "gpt2",
          {"a", "b", "c"});
}

// Scores past the end of their list were read.
BOOST_AUTO_TEST_CASE(lists_that_have_no_entry_for_each_token_are_refused) {
  const auto refused = [](const char* key, const auto& list, const std::string& is) {
    std::vector<tamp_prune::metadata_pair> metadata{
        {"tokenizer.ggml.model", tamp_prune::value_of("gpt2")}};
    std::vector<std::byte> tokens;
    tamp_prune::append(tokens, tamp_prune::gguf_type::array);
    tamp_prune::append(tokens, tamp_prune::gguf_type::string);
    tamp_prune::append(tokens, std::uint64_t{2});
    for (const std::string_view token : {"a", "b"}) tamp_prune::append(tokens, token);
    metadata.push_back({"tokenizer.ggml.tokens", tokens});
    metadata.push_back({key, list});
    check_error<tamp::value_error>(tamp::detail::sentence("--structure vocabulary: ", key, " is ",
                                                          is, ", and the embedding has 2 rows"),
                                   [&] { tamp_prune::vocabulary_of_gguf(metadata, 2); });
  };
  const auto list = [](tamp_prune::gguf_type type, std::size_t count, std::size_t bytes) {
    std::vector<std::byte> value;
    tamp_prune::append(value, tamp_prune::gguf_type::array);
    tamp_prune::append(value, type);
    tamp_prune::append(value, std::uint64_t{count});
    value.resize(value.size() + bytes);
    return value;
  };
  using enum tamp_prune::gguf_type;
  refused("tokenizer.ggml.scores", list(f32, 1, 4), "an array of 1 of: a float");
  refused("tokenizer.ggml.scores", list(f32, 0, 0), "an array of 0 of: a float");
  refused("tokenizer.ggml.scores", list(array, 2, 24), "an array of 2 of: an array");
  refused("tokenizer.ggml.scores", tamp_prune::value_of(1), "an unsigned 32-bit integer (1)");
  refused("tokenizer.ggml.token_type", list(i32, 0, 0),
          "an array of 0 of: a signed 32-bit integer");
}

BOOST_AUTO_TEST_SUITE_END()
