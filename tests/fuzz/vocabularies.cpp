// Any bytes as a file that describes a model's tokens: the reader accepts or rejects them. After tokens
// are removed, the written files must read back as the remaining tokens. The example engine reads the
// same tokenizer.

#include <prune/folder_vocabulary.hpp>
#include <prune/gguf_vocabulary.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <llama/config.hpp>
#include <llama/tokenizer_json.hpp>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "files.hpp"

namespace fuzz::vocabularies {

using tamp_prune::vocabulary;

constexpr std::size_t rows = 9;

const std::string on_bytes =
    R"({"added_tokens":[{"id":7,"content":"<e>","special":true}],"normalizer":null,
  "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},
    {"type":"ByteLevel","add_prefix_space":false,"use_regex":true}]},
  "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<e>"}}],
    "special_tokens":{"<e>":{"id":"<e>","ids":[7],"tokens":["<e>"]}}},
  "padding":{"pad_id":7},
  "model":{"type":"BPE","unk_token":null,"vocab":{"a":0,"ab":1,"b":2,"bc":3,"c":4,"abc":5,"ca":6},
    "merges":["a b",["b","c"],"ab c","c a"]}})";
const std::string on_characters = R"({"added_tokens":[{"id":0,"content":"<unk>","special":true}],
  "normalizer":{"type":"Replace","pattern":{"String":" "},"content":"▁"},"pre_tokenizer":null,
  "post_processor":{"type":"Sequence","processors":[{"type":"ByteLevel"}]},
  "model":{"type":"BPE","byte_fallback":true,"unk_token":"<unk>","ignore_merges":true,
    "vocab":{"<unk>":0,"<0x0A>":1,"▁":2,"a":3,"▁a":4,"aa":5},"merges":["▁ a","a a"]}})";

// The files of a folder, by their names. The fuzzer's bytes replace one of them.
const std::vector<std::pair<std::string, std::string>> usual_files{
    {"tokenizer.json", on_bytes},
    {"tokenizer_config.json",
     R"({"added_tokens_decoder":{"7":{"content":"<e>"}},"eos_token":"<e>"})"},
    {"generation_config.json", R"({"eos_token_id":[7,4],"bos_token_id":7,"suppress_tokens":[1]})"},
    {"vocab.json", R"({"a":0,"ab":1,"b":2,"bc":3,"c":4,"abc":5,"ca":6})"},
    {"added_tokens.json", R"({"<e>":7})"},
    {"merges.txt", "#version: 0.2\na b\nb c\nab c\nc a\n"}};
const std::string usual_config =
    R"({"vocab_size":9,"eos_token_id":7,"pad_token_id":null,"text_config":{"vocab_size":9}})";

void write(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

// Keeps as many tokens as the fuzzer chooses, the highest-ranked first.
std::vector<std::size_t> some_that_stay(const vocabulary& tokens, source& in) {
  const auto uses = in.list(tokens.size(), [&] { return std::uint64_t{in.byte()} / 64; });
  const auto ranking = tamp_prune::rank_tokens(tokens, uses);
  const std::size_t least = ranking.fewest == 0 ? 1 : ranking.fewest;
  const std::size_t stay = in.count(least, tokens.size());
  std::vector<std::size_t> kept;
  for (std::size_t t = 0; t < tokens.size(); ++t)
    if (ranking.scores[t] >= static_cast<double>(tokens.size() - stay)) kept.push_back(t);
  const auto refused = refusal([&] { tamp_prune::check_closed(tokens, kept); });
  check(!refused && kept.size() == stay, "what the ranking leaves is closed");
  return kept;
}

void check_cut(const vocabulary& before, std::span<const std::size_t> kept,
               const vocabulary& after) {
  check(after.size() == kept.size(), "as many tokens are read as stay");
  for (std::size_t k = 0; k < kept.size(); ++k)
    check(after.spellings[k] == before.spellings[kept[k]],
          "tokens that stay are read as they were");
}

// A folder of the usual files.
struct usual_model : tamp_prune::model_files {
  usual_model() {
    this->folder = place / "";
    for (const auto& [name, text] : usual_files) {
      write(place / name, text);
      others.emplace_back(name);
    }
  }

  fuzz::folder place;
};

template <std::size_t File>
void run_folder(source& in) {
  static const usual_model model, cut_model;
  const auto bytes = in.rest();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (File < usual_files.size()) write(model.place / usual_files[File].first, text);
  auto config = nlohmann::ordered_json::parse(File < usual_files.size() ? usual_config : text,
                                              nullptr, false);
  if (!config.is_object()) return;
  refusal([&] {
    const vocabulary tokens = tamp_prune::vocabulary_of_folder(model, config, rows);
    const auto kept = some_that_stay(tokens, in);
    const auto files = tamp_prune::cut_files(model, tokens, kept);
    tamp_prune::cut_configuration(config, rows, kept);
    for (const char* read : {"tokenizer.json", "generation_config.json"})
      write(cut_model.place / read, files.at(read).value());
    vocabulary after;
    const auto refused =
        refusal([&] { after = tamp_prune::vocabulary_of_folder(cut_model, config, kept.size()); });
    check(!refused, "the files that are left can be read");
    check_cut(tokens, kept, after);
  });
}

void run_engine(source& in) {
  const std::string path = file_of(in.rest());
  try {
    refusal([&] {
      const llama::tokenizer tokens = llama::read_tokenizer(path);
      for (const std::string_view text :
           {"", " a", "abc  aabca\n<e> \xff\xe2\x96\x81", "a1b22 c's"})
        for (const int token : tokens.encode(text))
          check(token >= 0 && static_cast<std::size_t>(token) < tokens.size(),
                "a text becomes tokens of the vocabulary");
    });
  } catch (const llama::error& refused) {
    last_refusal = refused.what();
  }
}

std::vector<std::string> seeds() { return {on_bytes, on_characters}; }
std::vector<std::string> other_seeds() {
  std::vector<std::string> all{usual_config};
  for (std::size_t k = 1; k < usual_files.size(); ++k) all.push_back(usual_files[k].second);
  return all;
}

const registered here[] = {
    {"vocabularies", run_folder<0>, seeds},       {"vocabularies", run_engine, seeds},
    {"vocabularies", run_folder<1>, other_seeds}, {"vocabularies", run_folder<2>, other_seeds},
    {"vocabularies", run_folder<3>, other_seeds}, {"vocabularies", run_folder<4>, other_seeds},
    {"vocabularies", run_folder<5>, other_seeds}, {"vocabularies", run_folder<6>, other_seeds}};

// Metadata of a GGUF file: the lists of its tokens, usually valid.
void run_gguf(source& in) {
  using tamp_prune::append;
  using tamp_prune::gguf_type;
  const std::size_t tokens = in.count(1, 12);
  const std::string begin = "tokenizer.ggml.";
  std::vector<tamp_prune::metadata_pair> metadata;
  const auto length = [&] { return in.once_in(16) ? in.count(0, 16) : tokens; };
  const auto add = [&](const std::string& key, gguf_type type, std::size_t count, auto&& entry) {
    if (in.once_in(32)) return;
    auto& value = metadata.emplace_back(tamp_prune::metadata_pair{key, {}}).value;
    append(value, gguf_type::array);
    append(value, type);
    append(value, std::uint64_t{count});
    for (std::size_t k = 0; k < count; ++k) entry(value);
  };
  const auto spelling = [&] {
    std::string all(in.count(0, 4), ' ');
    for (char& c : all) c = "abc<"[in.byte() % 4];
    return in.once_in(8) ? in.text(8) : all;
  };
  std::vector<std::string> spellings;
  metadata.push_back({begin + "model", tamp_prune::value_of(in.flag() ? "gpt2" : "llama")});
  add(begin + "tokens", gguf_type::string, length(),
      [&](auto& value) { append(value, std::string_view(spellings.emplace_back(spelling()))); });
  add(begin + "token_type", in.once_in(8) ? gguf_type::u32 : gguf_type::i32, length(),
      [&](auto& value) { append(value, std::int32_t{in.once_in(4) ? in.byte() % 8 : 1}); });
  add(begin + "scores", gguf_type::f32, length(),
      [&](auto& value) { append(value, in.finite<float>()); });
  add(begin + "merges", gguf_type::string, in.count(0, 6), [&](auto& value) {
    const bool is_of_tokens = !spellings.empty() && !in.once_in(8);
    const auto side = [&] { return is_of_tokens ? in.of(spellings) : spelling(); };
    append(value, std::string_view(side() + ' ' + side()));
  });
  metadata.push_back({begin + "bos_token_id", tamp_prune::value_of(in.count(0, tokens))});
  metadata.push_back({"llama.vocab_size", tamp_prune::value_of(tokens)});
  refusal([&] {
    const vocabulary before = tamp_prune::vocabulary_of_gguf(metadata, tokens);
    const auto kept = some_that_stay(before, in);
    tamp_prune::cut_metadata(metadata, "llama", before, kept);
    vocabulary after;
    const auto refused =
        refusal([&] { after = tamp_prune::vocabulary_of_gguf(metadata, kept.size()); });
    check(!refused, "the metadata that is left can be read");
    check_cut(before, kept, after);
  });
}

const registered gguf("gguf_vocabularies", run_gguf);

}  // namespace fuzz::vocabularies
