#pragma once

/// @file
/// The quality of a pruned language model: perplexity, and the distance to the dense model.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "model.hpp"
#include "parallel.hpp"

namespace llama {

/// Cuts a text into `count` sequences of `length` tokens, spread evenly and without overlap. Where
/// the model expects a token before a text, each sequence starts with it.
std::vector<std::vector<int>> sequences(std::span<const int> tokens, std::size_t length,
                                        std::size_t count, std::optional<int> start = {});

/// The most sequences of `length` tokens that a text can be cut into.
std::size_t most_sequences(std::span<const int> tokens, std::size_t length,
                           std::optional<int> start = {});

/// Averages over all predicted tokens: those after the first of each sequence.
struct text_quality {
  double perplexity = 0;  ///< exp of the mean negative log-likelihood of the text
  double divergence = 0;  ///< mean Kullback-Leibler divergence from the dense model, in nats
  double agreement = 0;   ///< fraction of tokens where both models' first choice is the same
};

/// The dense model's predictions for a text, to measure pruned copies against.
///
/// Keeps what the dense model hands to the head, (tokens, hidden) a sequence, not its logits; they
/// are made again slice by slice. Pruned models must be copies of the dense one, since both use its
/// embedding and head. The same bits come out for any number of threads.
class text_reference {
 public:
  /// Runs `dense` over the text.
  text_reference(const model& dense, std::vector<std::vector<int>> sequences,
                 const progress_function& on_progress = {});

  /// Runs `m` over the text. `log_likelihoods` gets the mean over the tokens of each sequence.
  text_quality measure(const model& m, std::vector<double>* log_likelihoods = nullptr,
                       const progress_function& on_progress = {}) const;

 private:
  struct prediction {
    matrix features;                     // (predicted tokens, hidden)
    std::vector<double> log_normaliser;  // log of the sum of exp(logits)
    std::vector<Index> choice;           // arg max of the logits
  };
  struct sums {
    double tokens = 0, log_likelihood = 0, divergence = 0, agreements = 0;
  };

  /// The features that predict tokens 1, 2, ... of a sequence.
  matrix predictors(const model& m, std::size_t i) const;
  sums compare(const model& m, std::size_t i) const;

  std::shared_ptr<const ends> ends_;
  std::vector<std::vector<int>> sequences_;
  std::vector<prediction> dense_;
};

}  // namespace llama
