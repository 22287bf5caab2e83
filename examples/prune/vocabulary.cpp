#include "vocabulary.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <llama/unicode.hpp>
#include <numeric>
#include <tamp/error.hpp>

namespace tamp_prune {
namespace {

// The byte that "<0x0A>" spells.
std::optional<unsigned> spelled_byte(std::string_view spelling) {
  if (spelling.size() != 6 || !spelling.starts_with("<0x") || spelling[5] != '>')
    return std::nullopt;
  unsigned byte = 0;
  const auto [end, problem] = std::from_chars(spelling.data() + 3, spelling.data() + 5, byte, 16);
  if (problem != std::errc{} || end != spelling.data() + 5) return std::nullopt;
  return byte;
}

bool is_one_character(std::string_view spelling) {
  return !spelling.empty() && llama::decode_utf8(spelling).bytes == spelling.size();
}

// Tokens by the length of their spellings, the longest first: each comes before those that it needs.
std::vector<std::size_t> longest_first(const vocabulary& tokens) {
  std::vector<std::size_t> order(tokens.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const std::size_t x = tokens.spellings[a].size(), y = tokens.spellings[b].size();
    return x != y ? x > y : a < b;
  });
  return order;
}

constexpr auto always = std::numeric_limits<std::uint64_t>::max();

// Uses of the tokens, and of those that need them.
std::vector<std::uint64_t> inherited_uses(const vocabulary& tokens,
                                          std::span<const std::uint64_t> uses) {
  std::vector<std::uint64_t> inherited(uses.begin(), uses.end());
  for (std::size_t t = 0; t < tokens.size(); ++t)
    inherited[t] = tokens.stays[t] ? always : std::min(inherited[t], always - 1);
  std::vector<token_need> needs = tokens.needs;
  std::vector<std::size_t> place(tokens.size());
  const auto order = longest_first(tokens);
  for (std::size_t k = 0; k < order.size(); ++k) place[order[k]] = k;
  std::sort(needs.begin(), needs.end(), [&](const token_need& a, const token_need& b) {
    return place[a.whole] < place[b.whole];
  });
  for (const token_need& n : needs)
    inherited[n.part] = std::max(inherited[n.part], inherited[n.whole]);
  return inherited;
}

}  // namespace

token_numbers numbers_of(const std::vector<std::string>& spellings) {
  token_numbers numbers;
  for (std::size_t t = 0; t < spellings.size(); ++t)
    if (!spellings[t].empty()) numbers.emplace(spellings[t], t);
  return numbers;
}

void add_merge(vocabulary& tokens, const token_numbers& numbers, std::string_view left,
               std::string_view right, std::size_t rank) {
  const auto number = [&](std::string_view spelling) {
    const auto found = numbers.find(spelling);
    if (found == numbers.end())
      refuse_vocabulary("merge ", rank, ", '", left, ' ', right, "', names '", spelling,
                        "', which is no token");
    return found->second;
  };
  if (left.empty() || right.empty())
    refuse_vocabulary("merge ", rank, " joins '", left, "' with '", right, "', which is no pair");
  const std::size_t whole = number(std::string(left).append(right));
  tokens.needs.push_back({whole, number(left)});
  tokens.needs.push_back({whole, number(right)});
}

void keep_beginnings(vocabulary& tokens, bool falls_back_to_bytes) {
  std::vector<bool> is_there(256);
  for (const std::string& spelling : tokens.spellings)
    if (const auto byte = spelled_byte(spelling)) is_there[*byte] = true;
  const bool has_bytes =
      falls_back_to_bytes && std::count(is_there.begin(), is_there.end(), true) == 256;
  for (std::size_t t = 0; t < tokens.size(); ++t)
    if (has_bytes ? spelled_byte(tokens.spellings[t]).has_value()
                  : is_one_character(tokens.spellings[t]))
      tokens.stays[t] = true;
}

token_ranking rank_tokens(const vocabulary& tokens, std::span<const std::uint64_t> uses) {
  if (uses.size() != tokens.size())
    refuse_vocabulary("uses of ", uses.size(), " tokens, and there are ", tokens.size());
  const auto inherited = inherited_uses(tokens, uses);
  std::vector<std::size_t> order(tokens.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (inherited[a] != inherited[b]) return inherited[a] < inherited[b];
    // Rows without a token leave first: 0 - 1 is the greatest length.
    const std::size_t x = tokens.spellings[a].size() - 1, y = tokens.spellings[b].size() - 1;
    return x != y ? x > y : a > b;
  });
  token_ranking ranking;
  ranking.scores.resize(tokens.size());
  for (std::size_t k = 0; k < order.size(); ++k) ranking.scores[order[k]] = static_cast<double>(k);
  for (const std::uint64_t count : inherited) {
    ranking.fewest += count == always;
    ranking.unused += count == 0;
  }
  return ranking;
}

void check_closed(const vocabulary& tokens, std::span<const std::size_t> kept) {
  const auto number = new_numbers(tokens.size(), kept);
  for (std::size_t t = 0; t < tokens.size(); ++t)
    if (tokens.stays[t] && !number[t])
      refuse_vocabulary("token ", t, ", '", tokens.spellings[t],
                        "', cannot leave: it is special, a beginning of other tokens, or named by "
                        "the configuration");
  for (const token_need& n : tokens.needs)
    if (number[n.whole] && !number[n.part])
      refuse_vocabulary("token ", n.part, ", '", tokens.spellings[n.part],
                        "', cannot leave: a merge of it makes token ", n.whole, ", '",
                        tokens.spellings[n.whole], "', which stays");
}

std::vector<std::optional<std::size_t>> new_numbers(std::size_t tokens,
                                                    std::span<const std::size_t> kept) {
  std::vector<std::optional<std::size_t>> numbers(tokens);
  for (std::size_t k = 0; k < kept.size(); ++k) numbers.at(kept[k]) = k;
  return numbers;
}

std::vector<std::uint64_t> counts_of(std::span<const int> tokens, std::size_t vocabulary) {
  std::vector<std::uint64_t> counts(vocabulary);
  for (const int token : tokens) {
    if (token < 0 || static_cast<std::size_t>(token) >= vocabulary)
      refuse_vocabulary("the text has token ", token, ", and the embedding ", vocabulary, " rows");
    ++counts[static_cast<std::size_t>(token)];
  }
  return counts;
}

}  // namespace tamp_prune
