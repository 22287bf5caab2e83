#pragma once

// The gain of pruning: bytes of a model's weights, and tokens a second, in several forms of
// storage.

#include <cstddef>
#include <functional>
#include <llama/decoder.hpp>
#include <llama/parallel.hpp>
#include <llama/stored_model.hpp>
#include <string>
#include <vector>

namespace study {

// The speed of generating text, and its bound.
struct speed {
  int threads = 1;
  double tokens_per_second = 0;
  double bound = 0;    // a plain read of all weights for each token
  double prefill = 0;  // tokens a second of the prompt
};

struct speed_settings {
  std::size_t prompt = 64, tokens = 32, rounds = 3;
  std::vector<int> threads{1, 2};
};

// Generates text with every model in turn, and returns the speeds of each with each number of
// threads: the best of some rounds, since other programs can only slow them down. The callback gets
// the fraction that is done, and stops the measurement by returning false.
std::vector<std::vector<speed>> measure_speeds(
    const std::vector<const llama::stored_model*>& models, const speed_settings& settings,
    const std::function<bool(double)>& on_progress);

// Returns true if both models give the same logits, to the bit, for a prompt and a few tokens.
bool same_logits(const llama::stored_model& a, const llama::stored_model& b, std::size_t prompt,
                 std::size_t tokens);

// A model of a billion weights, as LLaMA 3.2 1B has them, at random, of which `sparsity` is
// dropped. It is made and stored block by block.
llama::stored_model random_model(llama::storage form, double sparsity,
                                 const llama::progress_function& on_progress = {});

}  // namespace study
