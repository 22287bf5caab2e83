#pragma once

// The tokens of a model whose rows may leave, whatever form its tokenizer is stored in.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <unordered_map>
#include <vector>

namespace tamp_prune {

template <class... Parts>
[[noreturn]] void refuse_vocabulary(const Parts&... parts) {
  throw tamp::value_error(tamp::detail::sentence("--structure vocabulary: ", parts...));
}

// A token and one of the two that a merge makes it of.
struct token_need {
  std::size_t whole = 0, part = 0;
};

// The tokens of a byte-pair encoding. A row of the embedding that has no token is spelled "".
struct vocabulary {
  std::vector<std::string> spellings;  // by token
  std::vector<bool> stays;             // tokens without which some text would have no encoding
  std::vector<token_need> needs;

  std::size_t size() const { return spellings.size(); }
};

// The tokens of some spellings.
using token_numbers = std::unordered_map<std::string_view, std::size_t>;
token_numbers numbers_of(const std::vector<std::string>& spellings);

// Adds what a merge needs. `rank` is for the error. Throws tamp::value_error if one of the three is no
// token, or nothing would be merged.
void add_merge(vocabulary& tokens, const token_numbers& numbers, std::string_view left,
               std::string_view right, std::size_t rank);

// Marks what an encoding starts from. Where all 256 bytes are tokens ("<0x0A>"), these stay, and
// characters may leave: they become bytes. Else all tokens of one character stay, as those are that
// stand for bytes in GPT-2's alphabet.
void keep_beginnings(vocabulary& tokens, bool falls_back_to_bytes);

// The order in which tokens leave, lowest score first. A token never leaves before another that needs
// it, so that what stays is closed under merges: a text of kept tokens alone is encoded as before.
//
//     uses'(t) = largest of uses(t) and uses(w) over all w that need t
//     order    = by uses', then rows without a token, the longer spelling first, the later token first
struct token_ranking {
  std::vector<double> scores;  // places in that order
  std::size_t fewest = 0;      // tokens that stay in any case
  std::size_t unused = 0;      // tokens that may leave and whose uses' is 0
};
// `uses` has a number for each token. Throws tamp::value_error if it has not.
token_ranking rank_tokens(const vocabulary& tokens, std::span<const std::uint64_t> uses);

// Throws tamp::value_error if the tokens that stay are not closed. `kept` ascend.
void check_closed(const vocabulary& tokens, std::span<const std::size_t> kept);

// The numbers of the tokens that stay, by their old ones.
std::vector<std::optional<std::size_t>> new_numbers(std::size_t tokens,
                                                    std::span<const std::size_t> kept);

// The number of times that each of so many tokens occurs.
std::vector<std::uint64_t> counts_of(std::span<const int> tokens, std::size_t vocabulary);

}  // namespace tamp_prune
