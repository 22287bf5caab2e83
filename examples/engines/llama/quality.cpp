#include "quality.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "forward.hpp"

namespace llama {
namespace {

/// The sums that a softmax over the vocabulary needs, gathered slice by slice, token by token.
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
    for (std::size_t t = 0; t < sum.size(); ++t) result[t] = double(largest[t]) + std::log(sum[t]);
    return result;
  }

  std::vector<float> largest;
  std::vector<double> sum;
  std::vector<Index> choice;
};

/// Calls `visit(first, count)` for slices of the rows of the head, (vocabulary, hidden), whose
/// logits stay in the cache.
template <class Visit>
void for_each_slice(const matrix& head, const Visit& visit) {
  constexpr Index slice = 1024;
  const Index vocabulary = head.rows();
  for (Index first = 0; first < vocabulary; first += slice)
    visit(first, std::min(slice, vocabulary - first));
}

softmax_summary summarise(const matrix& features, const matrix& head) {
  softmax_summary all(features.rows());
  for_each_slice(head, [&](Index first, Index count) {
    all.add(linear(features, head.middleRows(first, count)), first);
  });
  return all;
}

}  // namespace

std::size_t most_sequences(std::span<const int> tokens, std::size_t length,
                           std::optional<int> start) {
  if (start && length > 0) --length;
  return length == 0 ? 0 : tokens.size() / length;
}

std::vector<std::vector<int>> sequences(std::span<const int> tokens, std::size_t length,
                                        std::size_t count, std::optional<int> start) {
  const bool is_too_much = count == 0 || count > most_sequences(tokens, length, start);
  if (start && length > 0) --length;
  if (is_too_much)
    fail("a text of ", tokens.size(), " tokens does not hold ", count, " sequences of ", length);
  std::vector<std::vector<int>> cut;
  for (std::size_t i = 0; i < count; ++i) {
    const auto part = tokens.subspan(tokens.size() / count * i, length);
    std::vector<int>& sequence = cut.emplace_back();
    if (start) sequence.push_back(*start);
    sequence.insert(sequence.end(), part.begin(), part.end());
  }
  return cut;
}

text_reference::text_reference(const model& dense, std::vector<std::vector<int>> sequences,
                               const progress_function& on_progress)
    : ends_(dense.ends), sequences_(std::move(sequences)), dense_(sequences_.size()) {
  if (sequences_.empty()) fail("there is no sequence to measure a model on");
  for (const auto& tokens : sequences_)
    if (tokens.size() < 2) fail("a sequence of ", tokens.size(), " tokens predicts none");
  for_each_sequence(
      sequences_.size(),
      [&](std::size_t i) {
        dense_[i] = {predictors(dense, i), {}, {}};
        softmax_summary all = summarise(dense_[i].features, ends_->head());
        dense_[i].log_normaliser = all.log_normaliser();
        dense_[i].choice = std::move(all.choice);
      },
      on_progress);
}

text_quality text_reference::measure(const model& m, std::vector<double>* log_likelihoods,
                                     const progress_function& on_progress) const {
  if (m.ends != ends_) fail("the model to measure is not a copy of the dense model");
  std::vector<sums> parts(sequences_.size());
  for_each_sequence(
      sequences_.size(), [&](std::size_t i) { parts[i] = compare(m, i); }, on_progress);
  if (log_likelihoods != nullptr) {
    log_likelihoods->clear();
    for (const sums& part : parts) log_likelihoods->push_back(part.log_likelihood / part.tokens);
  }
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

matrix text_reference::predictors(const model& m, std::size_t i) const {
  const matrix features = forward(m, embed(m, sequences_[i]));
  return features.topRows(features.rows() - 1);
}

text_reference::sums text_reference::compare(const model& m, std::size_t i) const {
  const prediction& dense = dense_[i];
  const std::vector<int>& tokens = sequences_[i];
  const matrix features = predictors(m, i);
  const std::size_t count = tokens.size() - 1;
  softmax_summary all(features.rows());
  std::vector<double> target(count), difference(count, 0.0);
  for_each_slice(ends_->head(), [&](Index first, Index width) {
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

}  // namespace llama
