#include "folder_vocabulary.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/detail/mapped_file.hpp>
#include <tamp/io/detail/strict_json.hpp>
#include <utility>

#include "sentences.hpp"

namespace fs = std::filesystem;

namespace tamp_prune {
namespace {

using json = nlohmann::json;
using tamp::detail::sentence;
using numbers = std::vector<std::optional<std::size_t>>;

constexpr const char* tokenizer_file = "tokenizer.json";
constexpr const char* generation_file = "generation_config.json";

json read_object(const fs::path& path) {
  const tamp::detail::mapped_file file(path);
  return tamp::detail::parse_object(file.text(), 64, path.string(), "the file");
}

std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || !found->is_string() ? "" : found->get<std::string>();
}

bool is_something(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && !found->is_null() && !found->empty();
}

template <class Json>
std::size_t number_of(const Json& value, std::string_view what) {
  if (!value.is_number_unsigned())
    refuse_vocabulary(what, " has the number ", value.dump(), ", which is none of a token");
  return value.template get<std::size_t>();
}

// The list of that name in an object of tokenizer.json.
json& list_in(json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_array())
    refuse_vocabulary(tokenizer_file, " has no list of ", key, " where there must be one");
  return object[key];
}

// The two sides of a merge, which is a pair, or a text with a blank between them.
std::pair<std::string, std::string> sides_of(const json& merge) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  if (merge.is_string()) {
    const std::string text = merge.get<std::string>();
    const std::size_t blank = text.find(' ');
    if (blank != text.npos) return {text.substr(0, blank), text.substr(blank + 1)};
  }
  refuse_vocabulary(tokenizer_file, " has a merge ", merge.dump(), ", which is no pair");
}

// Refuses what tamp cannot cut so that a text of kept tokens stays the same.
void check_tokenizer(const json& tokenizer) {
  if (!tokenizer.contains("model") || !tokenizer["model"].is_object())
    refuse_vocabulary(tokenizer_file, " has no model");
  const json& model = tokenizer["model"];
  const bool is_pairs = model.contains("merges") && model["merges"].is_array() &&
                        model.contains("vocab") && model["vocab"].is_object();
  if (text_in(model, "type") != "BPE" || !is_pairs)
    refuse_vocabulary(tokenizer_file, " has a tokenizer '", text_in(model, "type"),
                      "', and tamp cuts byte-pair encodings, 'BPE', alone");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (is_something(model, key))
      refuse_vocabulary(tokenizer_file, " has ", key,
                        ", with which a merge is not the sum of its sides");
}

// Calls visit(token) for each added token, whose spelling and number are where they must be.
template <class Visit>
void visit_added_tokens(json& tokenizer, const Visit& visit) {
  if (!is_something(tokenizer, "added_tokens")) return;
  for (json& token : list_in(tokenizer, "added_tokens")) {
    const bool is_token = token.is_object() && token.contains("content") &&
                          token["content"].is_string() && token.contains("id");
    if (!is_token)
      refuse_vocabulary(tokenizer_file, " has an added token ", token.dump(),
                        ", which has no content or no id");
    visit(token);
  }
}

// Calls visit(number) for each number by which the post-processor names a token.
template <class Visit>
void visit_templates(json& step, const Visit& visit) {
  if (step.is_null()) return;
  const std::string type = text_in(step, "type");
  if (type == "Sequence") {
    for (json& inner : list_in(step, "processors")) visit_templates(inner, visit);
  } else if (type == "TemplateProcessing") {
    if (!is_something(step, "special_tokens")) return;
    for (auto& [name, token] : step["special_tokens"].items())
      for (json& number : list_in(token, "ids")) visit(number);
  } else if (type != "ByteLevel") {
    refuse_vocabulary(tokenizer_file, " has the post-processor '", type,
                      "', and tamp does not know how it names tokens");
  }
}

// Calls visit(number) for each number of a token in a configuration.
template <class Json, class Visit>
void visit_numbers(Json& value, const Visit& visit) {
  if (value.is_number_integer() && value >= 0) visit(value);
  if (value.is_array())
    for (auto& inner : value) visit_numbers(inner, visit);
}
template <class Json, class Visit>
void visit_named_tokens(Json& config, const Visit& visit) {
  constexpr std::array<std::string_view, 4> endings{"_token_id", "_token_ids", "_token_index",
                                                    "suppress_tokens"};
  for (auto& [key, value] : config.items()) {
    for (const char* unknown :
         {"forced_decoder_ids", "bad_words_ids", "force_words_ids", "sequence_bias"})
      if (key == unknown && !value.is_null() && !value.empty())
        refuse_vocabulary("a configuration names tokens by ", key,
                          ", of which tamp does not know what becomes");
    if (std::any_of(endings.begin(), endings.end(),
                    [&](std::string_view ending) { return key.ends_with(ending); }))
      visit_numbers(value, visit);
    else if (value.is_object())
      visit_named_tokens(value, visit);
  }
}

void renumber(auto& number, const numbers& now, std::string_view what) {
  const std::size_t old = number_of(number, what);
  if (old >= now.size() || !now[old])
    refuse_vocabulary(what, " names token ", old, ", which does not stay");
  number = *now[old];
}

json cut_tokenizer(json tokenizer, const numbers& now) {
  json& model = tokenizer["model"];
  json vocabulary = json::object(), merges = json::array();
  for (const auto& [spelling, number] : model["vocab"].items())
    if (const std::size_t old = number_of(number, tokenizer_file); old < now.size() && now[old])
      vocabulary[spelling] = *now[old];
  for (json& merge : model["merges"]) {
    const auto [left, right] = sides_of(merge);
    if (vocabulary.contains(left) && vocabulary.contains(right) &&
        vocabulary.contains(left + right))
      merges.push_back(std::move(merge));
  }
  model["vocab"] = std::move(vocabulary);
  model["merges"] = std::move(merges);
  visit_added_tokens(tokenizer, [&](json& token) { renumber(token["id"], now, tokenizer_file); });
  if (tokenizer.contains("post_processor"))
    visit_templates(tokenizer["post_processor"],
                    [&](json& number) { renumber(number, now, tokenizer_file); });
  if (is_something(tokenizer, "padding")) {
    json& padding = tokenizer["padding"];
    if (!padding.is_object() || !padding.contains("pad_id"))
      refuse_vocabulary(tokenizer_file, " has a padding without a pad_id");
    renumber(padding["pad_id"], now, tokenizer_file);
  }
  return tokenizer;
}

// tokenizer_config.json describes added tokens by their numbers.
json cut_tokenizer_config(json config, const numbers& now) {
  if (!is_something(config, "added_tokens_decoder")) return config;
  json decoder = json::object();
  for (const auto& [key, token] : config["added_tokens_decoder"].items()) {
    json number = json::parse(key, nullptr, false);
    if (!number.is_number_unsigned())
      refuse_vocabulary("tokenizer_config.json describes a token '", key, "', which is no number");
    renumber(number, now, "tokenizer_config.json");
    decoder[number.dump()] = token;
  }
  config["added_tokens_decoder"] = std::move(decoder);
  return config;
}

// Numbers by spellings, as vocab.json and added_tokens.json have them.
json cut_spellings(const json& all, const numbers& now, std::string_view file) {
  json kept = json::object();
  for (const auto& [spelling, number] : all.items()) {
    const std::size_t old = number_of(number, sentence(file, ": '", spelling, '\''));
    if (old < now.size() && now[old]) kept[spelling] = *now[old];
  }
  return kept;
}

// merges.txt has a line for each merge, and may begin with a line about its version.
std::string merges_text(const json& tokenizer, std::string_view before) {
  std::string text;
  if (before.starts_with("#version"))
    text = std::string(before.substr(0, before.find('\n'))) + '\n';
  for (const json& merge : tokenizer["model"]["merges"]) {
    const auto [left, right] = sides_of(merge);
    text += left + ' ' + right + '\n';
  }
  return text;
}

}  // namespace

vocabulary vocabulary_of_folder(const model_files& model, const nlohmann::ordered_json& config,
                                std::size_t rows) {
  const fs::path path = model.folder / tokenizer_file;
  if (!fs::exists(path))
    refuse(model.folder, "has no ", tokenizer_file,
           ", the only form of a folder's vocabulary that --structure vocabulary cuts");
  json tokenizer = read_object(path);
  check_tokenizer(tokenizer);
  vocabulary tokens{std::vector<std::string>(rows), std::vector<bool>(rows), {}};
  const auto add = [&](const std::string& spelling, const json& number, bool stays) {
    const std::size_t t = number_of(number, sentence(tokenizer_file, ": '", spelling, '\''));
    if (t >= rows)
      refuse_vocabulary(tokenizer_file, " gives '", spelling, "' the number ", t,
                        ", and the embedding has ", rows, " rows");
    tokens.spellings[t] = spelling;
    if (stays) tokens.stays[t] = true;
  };
  const json& pairs = tokenizer["model"];
  const std::string unknown = text_in(pairs, "unk_token");
  for (const auto& [spelling, number] : pairs["vocab"].items())
    add(spelling, number, spelling == unknown);
  keep_beginnings(tokens, pairs.contains("byte_fallback") && pairs["byte_fallback"] == true);
  const token_numbers numbers = numbers_of(tokens.spellings);
  for (std::size_t rank = 0; rank < pairs["merges"].size(); ++rank) {
    const auto [left, right] = sides_of(pairs["merges"][rank]);
    add_merge(tokens, numbers, left, right, rank);
  }
  visit_added_tokens(tokenizer, [&](const json& token) {
    add(token["content"].get<std::string>(), token["id"], true);
  });
  const auto keep = [&](const auto& number) {
    const std::size_t t = number_of(number, path.string());
    if (t < rows) tokens.stays[t] = true;
  };
  if (tokenizer.contains("post_processor")) visit_templates(tokenizer["post_processor"], keep);
  visit_named_tokens(config, keep);
  if (const fs::path generation = model.folder / generation_file; fs::exists(generation)) {
    json of_generation = read_object(generation);
    visit_named_tokens(of_generation, keep);
  }
  return tokens;
}

void cut_configuration(nlohmann::ordered_json& config, std::size_t tokens,
                       std::span<const std::size_t> kept) {
  const numbers now = new_numbers(tokens, kept);
  std::size_t changed = 0;
  const auto set = [&](nlohmann::ordered_json& part) {
    if (!part.is_object() || !part.contains("vocab_size") || part["vocab_size"] != tokens) return;
    part["vocab_size"] = kept.size();
    ++changed;
  };
  set(config);
  for (const char* part : {"text_config", "llm_config", "language_config"})
    if (config.contains(part)) set(config[part]);
  if (changed == 0)
    refuse_vocabulary("config.json has no vocab_size of ", tokens, ", the rows of the embedding");
  visit_named_tokens(config, [&](auto& number) { renumber(number, now, "config.json"); });
}

changed_files cut_files(const model_files& model, const vocabulary& tokens,
                        std::span<const std::size_t> kept) {
  const numbers now = new_numbers(tokens.size(), kept);
  const auto old = [&](const fs::path& name) { return read_object(model.folder / name); };
  const auto text_of = [](const json& content) { return content.dump(2) + '\n'; };
  const json tokenizer = cut_tokenizer(old(tokenizer_file), now);
  changed_files changed;
  for (const fs::path& other : model.others) {
    if (other == tokenizer_file) changed[other] = text_of(tokenizer);
    if (other == "tokenizer_config.json")
      changed[other] = text_of(cut_tokenizer_config(old(other), now));
    if (other == "vocab.json" || other == "added_tokens.json")
      changed[other] = text_of(cut_spellings(old(other), now, other.string()));
    if (other == "merges.txt") {
      const tamp::detail::mapped_file file(model.folder / other);
      changed[other] = merges_text(tokenizer, file.text());
    }
    if (other == generation_file) {
      json config = old(other);
      visit_named_tokens(config, [&](json& number) { renumber(number, now, generation_file); });
      changed[other] = text_of(config);
    }
    if (other.extension() == ".model" || other.extension() == ".tiktoken" || other == "tekken.json")
      changed[other] = std::nullopt;
  }
  return changed;
}

}  // namespace tamp_prune
