#include "gguf_vocabulary.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <utility>

namespace tamp_prune {
namespace {

using tamp::io::gguf_value;

constexpr std::string_view begin = "tokenizer.ggml.";
// GGUF's numbers of kinds of tokens.
enum kind : std::int32_t { normal = 1, unknown, control, user_defined, unused, byte };

gguf_value parsed(const metadata_pair& pair) {
  tamp::io::detail::gguf_cursor cursor(pair.value, pair.key);
  return cursor.value(cursor.number<std::uint32_t>("a metadata type"));
}

const metadata_pair* find(const std::vector<metadata_pair>& metadata, std::string_view name) {
  for (const metadata_pair& pair : metadata)
    if (pair.key == std::string(begin).append(name)) return &pair;
  return nullptr;
}

// The list of that name; an empty one if it is not there.
template <class T>
std::vector<T> list_of(const std::vector<metadata_pair>& metadata, std::string_view name) {
  std::vector<T> all;
  if (const metadata_pair* pair = find(metadata, name))
    if (!parsed(*pair).read_all(all))
      refuse_vocabulary(pair->key, " is ", parsed(*pair).describe());
  return all;
}

std::string form_of(const std::vector<metadata_pair>& metadata) {
  const auto form = list_of<std::string>(metadata, "model");
  return form.size() == 1 ? form[0] : "";
}

bool names_a_token(const metadata_pair& pair) {
  return pair.key.starts_with(begin) && pair.key.ends_with("_token_id");
}
std::size_t named_token(const metadata_pair& pair, std::size_t tokens) {
  std::uint64_t number = 0;
  if (!parsed(pair).read(number) || number >= tokens)
    refuse_vocabulary(pair.key, " is ", parsed(pair).describe(), ", which is none of ", tokens,
                      " tokens");
  return static_cast<std::size_t>(number);
}

void add_merges(vocabulary& tokens, const std::vector<std::string>& merges) {
  const token_numbers numbers = numbers_of(tokens.spellings);
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view merge = merges[rank];
    // A side may be a blank's own spelling, which is no blank: the first one behind a character.
    const std::size_t blank = merge.find(' ', 1);
    if (blank == merge.npos) refuse_vocabulary("merge ", rank, ", '", merge, "', is no pair");
    add_merge(tokens, numbers, merge.substr(0, blank), merge.substr(blank + 1), rank);
  }
}

// A tokenizer of characters joins any two tokens whose spellings make a third.
void add_splits(vocabulary& tokens) {
  const token_numbers numbers = numbers_of(tokens.spellings);
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const std::string_view whole = tokens.spellings[t];
    for (std::size_t at = 1; at < whole.size(); ++at) {
      const auto left = numbers.find(whole.substr(0, at)), right = numbers.find(whole.substr(at));
      if (left == numbers.end() || right == numbers.end()) continue;
      tokens.needs.push_back({t, left->second});
      tokens.needs.push_back({t, right->second});
    }
  }
}

std::vector<std::byte> list_value(gguf_type type, std::size_t count) {
  std::vector<std::byte> value;
  append(value, gguf_type::array);
  append(value, type);
  append(value, std::uint64_t{count});
  return value;
}

std::vector<std::byte> strings_value(const std::vector<std::string>& all) {
  std::vector<std::byte> value = list_value(gguf_type::string, all.size());
  for (const std::string& text : all) append(value, std::string_view(text));
  return value;
}

// True for the lists that have an entry for each token.
bool is_of_tokens(const metadata_pair& pair) {
  return pair.key == std::string(begin) + "tokens" ||
         pair.key == std::string(begin) + "token_type" || pair.key == std::string(begin) + "scores";
}
void check_entries(const metadata_pair& pair, std::size_t rows) {
  const gguf_value list = parsed(pair);
  if (!list.is_array || list.type == gguf_type::array || list.count != rows)
    refuse_vocabulary(pair.key, " is ", list.describe(), ", and the embedding has ", rows, " rows");
}

// The entries of a list that stay. Its bytes begin with two types and a length.
std::vector<std::byte> entries_of(const metadata_pair& pair, std::span<const std::size_t> kept) {
  const gguf_value list = parsed(pair);
  if (list.type == gguf_type::string) {
    std::vector<std::string> all, stay;
    list.read_all(all);
    for (const std::size_t t : kept) stay.push_back(all[t]);
    return strings_value(stay);
  }
  const std::size_t size = list.bytes.size() / list.count;
  std::vector<std::byte> value = list_value(list.type, kept.size());
  for (const std::size_t t : kept) {
    const auto entry = list.bytes.subspan(t * size, size);
    value.insert(value.end(), entry.begin(), entry.end());
  }
  return value;
}

}  // namespace

vocabulary vocabulary_of_gguf(const std::vector<metadata_pair>& metadata, std::size_t rows) {
  const std::string form = form_of(metadata);
  if (form != "gpt2" && form != "llama")
    refuse_vocabulary("the file has a tokenizer '", form,
                      "', and tamp cuts byte-pair encodings, 'gpt2' and 'llama', alone");
  vocabulary tokens{list_of<std::string>(metadata, "tokens"), std::vector<bool>(rows), {}};
  const auto kinds = list_of<std::int32_t>(metadata, "token_type");
  if (tokens.size() != rows || (!kinds.empty() && kinds.size() != rows))
    refuse_vocabulary("the file lists ", tokens.size(), " tokens and ", kinds.size(),
                      " kinds of tokens, and the embedding has ", rows, " rows");
  for (const metadata_pair& pair : metadata)
    if (is_of_tokens(pair)) check_entries(pair, rows);
  for (std::size_t t = 0; t < kinds.size(); ++t) {
    tokens.stays[t] = kinds[t] != normal && kinds[t] != unused;
    if (kinds[t] == unused) tokens.spellings[t].clear();
  }
  for (const metadata_pair& pair : metadata)
    if (names_a_token(pair)) tokens.stays[named_token(pair, rows)] = true;
  keep_beginnings(tokens, form == "llama");
  if (form == "gpt2")
    add_merges(tokens, list_of<std::string>(metadata, "merges"));
  else
    add_splits(tokens);
  return tokens;
}

void cut_metadata(std::vector<metadata_pair>& metadata, std::string_view architecture,
                  const vocabulary& tokens, std::span<const std::size_t> kept) {
  const auto now = new_numbers(tokens.size(), kept);
  if (find(metadata, "merges") != nullptr && form_of(metadata) == "gpt2") {
    std::vector<std::string> merges;
    std::size_t rank = 0;
    // Each merge has two needs, in the order of the list.
    for (const std::string& merge : list_of<std::string>(metadata, "merges")) {
      const token_need &left = tokens.needs[2 * rank], &right = tokens.needs[2 * rank + 1];
      if (now[left.whole] && now[left.part] && now[right.part]) merges.push_back(merge);
      ++rank;
    }
    for (metadata_pair& pair : metadata)
      if (pair.key == std::string(begin) + "merges") pair.value = strings_value(merges);
  }
  for (metadata_pair& pair : metadata) {
    if (pair.key == std::string(architecture) + ".vocab_size") pair.value = value_of(kept.size());
    if (pair.key == "tokenizer.huggingface.json")
      refuse_vocabulary("the file holds a ", pair.key, ", which tamp does not cut");
    if (names_a_token(pair)) {
      const std::size_t old = named_token(pair, tokens.size());
      if (!now[old]) refuse_vocabulary(pair.key, " names token ", old, ", which does not stay");
      pair.value = value_of(*now[old]);
    }
    if (is_of_tokens(pair)) pair.value = entries_of(pair, kept);
  }
}

}  // namespace tamp_prune
