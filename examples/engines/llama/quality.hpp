#pragma once

/// @file
/// What pruning did to a language model: perplexity, and the distance to the dense model.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "forward.hpp"
#include "parallel.hpp"

namespace llama {

/// Cuts a text into `count` sequences of `length` tokens, spread evenly and without overlap.
inline std::vector<std::vector<int>> sequences(std::span<const int> tokens, std::size_t length,
                                               std::size_t count) {
  if (count == 0 || length == 0 || tokens.size() / length < count)
    fail("a text of ", tokens.size(), " tokens does not hold ", count, " sequences of ", length);
  std::vector<std::vector<int>> cut;
  for (std::size_t i = 0; i < count; ++i) {
    const auto part = tokens.subspan(tokens.size() / count * i, length);
    cut.emplace_back(part.begin(), part.end());
  }
  return cut;
}

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
  text_reference(const model& dense, std::vector<std::vector<int>> sequences)
      : ends_(dense.ends), sequences_(std::move(sequences)), dense_(sequences_.size()) {
    if (sequences_.empty()) fail("there is no sequence to measure a model on");
    for (const auto& tokens : sequences_)
      if (tokens.size() < 2) fail("a sequence of ", tokens.size(), " tokens predicts none");
    for_each_sequence(sequences_.size(), [&](std::size_t i) {
      dense_[i] = {predictors(dense, i), {}, {}};
      softmax_summary all = summarise(dense_[i].features);
      dense_[i].log_normaliser = all.log_normaliser();
      dense_[i].choice = std::move(all.choice);
    });
  }

  /// Runs `m` over the text.
  text_quality measure(const model& m) const {
    if (m.ends != ends_) fail("the model to measure is not a copy of the dense model");
    std::vector<sums> parts(sequences_.size());
    for_each_sequence(sequences_.size(), [&](std::size_t i) { parts[i] = compare(m, i); });
    sums total;
    for (const sums& part : parts) {
      total.tokens += part.tokens;
      total.log_likelihood += part.log_likelihood;
      total.divergence += part.divergence;
      total.agreements += part.agreements;
    }
    return {std::exp(-total.log_likelihood / total.tokens), total.divergence / total.tokens,
            total.agreements / total.tokens};
  }

 private:
  struct prediction {
    matrix features;                     // (predicted tokens, hidden)
    std::vector<double> log_normaliser;  // log of the sum of exp(logits)
    std::vector<Index> choice;           // arg max of the logits
  };
  struct sums {
    double tokens = 0, log_likelihood = 0, divergence = 0, agreements = 0;
  };

  /// What a softmax over the vocabulary needs to know, gathered slice by slice, token by token.
  struct softmax_summary {
    explicit softmax_summary(Index tokens)
        : largest(std::size_t(tokens), -std::numeric_limits<float>::infinity()),
          sum(std::size_t(tokens), 0.0),
          choice(std::size_t(tokens), 0) {}

    void add(const matrix& logits, Index first_token) {
      for (std::size_t t = 0; t < sum.size(); ++t) {
        const auto row = logits.row(Index(t)).array();
        Index best = 0;
        const float top = row.maxCoeff(&best);
        if (top > largest[t]) {
          sum[t] *= std::exp(double(largest[t]) - double(top));
          largest[t] = top;
          choice[t] = first_token + best;
        }
        sum[t] += double((row - largest[t]).exp().sum());
      }
    }
    std::vector<double> log_normaliser() const {
      std::vector<double> result(sum.size());
      for (std::size_t t = 0; t < sum.size(); ++t)
        result[t] = double(largest[t]) + std::log(sum[t]);
      return result;
    }

    std::vector<float> largest;
    std::vector<double> sum;
    std::vector<Index> choice;
  };

  /// The features that predict tokens 1, 2, ... of a sequence.
  matrix predictors(const model& m, std::size_t i) const {
    const matrix features = forward(m, embed(m, sequences_[i]));
    return features.topRows(features.rows() - 1);
  }

  /// Calls `visit(first, count)` for slices of the vocabulary whose logits stay in the cache.
  template <class Visit>
  void for_each_slice(const Visit& visit) const {
    constexpr Index slice = 1024;
    const Index vocabulary = ends_->head().rows();
    for (Index first = 0; first < vocabulary; first += slice)
      visit(first, std::min(slice, vocabulary - first));
  }

  softmax_summary summarise(const matrix& features) const {
    softmax_summary all(features.rows());
    for_each_slice([&](Index first, Index count) {
      all.add(linear(features, ends_->head().middleRows(first, count)), first);
    });
    return all;
  }

  sums compare(const model& m, std::size_t i) const {
    const prediction& dense = dense_[i];
    const std::vector<int>& tokens = sequences_[i];
    const matrix features = predictors(m, i);
    const std::size_t count = tokens.size() - 1;
    softmax_summary all(features.rows());
    std::vector<double> target(count), difference(count, 0.0);
    for_each_slice([&](Index first, Index width) {
      const auto head = ends_->head().middleRows(first, width);
      const matrix pruned = linear(features, head), original = linear(dense.features, head);
      all.add(pruned, first);
      for (std::size_t t = 0; t < count; ++t) {
        const auto p = pruned.row(Index(t)).array(), d = original.row(Index(t)).array();
        // The dense probability of each token times the difference of its two logits.
        difference[t] += double(((d - float(dense.log_normaliser[t])).exp() * (d - p)).sum());
        const Index next = Index(tokens[t + 1]) - first;
        if (next >= 0 && next < width) target[t] = double(p(next));
      }
    });

    const std::vector<double> log_normaliser = all.log_normaliser();
    sums s;
    for (std::size_t t = 0; t < count; ++t) {
      s.tokens += 1;
      s.log_likelihood += target[t] - log_normaliser[t];
      s.divergence += difference[t] + log_normaliser[t] - dense.log_normaliser[t];
      s.agreements += all.choice[t] == dense.choice[t];
    }
    return s;
  }

  std::shared_ptr<const ends> ends_;
  std::vector<std::vector<int>> sequences_;
  std::vector<prediction> dense_;
};

}  // namespace llama
