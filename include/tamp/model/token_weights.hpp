#pragma once

/// @file
/// The weights of a calibration set's tokens in the statistics of each block.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "fingerprint.hpp"

namespace tamp::inline TAMP_FLAGS {

/// One weight for each token of each sample in each block of a model. A value: comparable,
/// combinable, saveable (tamp/io/token_weights.hpp).
///
///     tamp::token_weights weights;
///     tamp::stat::reach{}.measure(tamp::execute::standard{}, host, weights);
///     auto weighed = tamp::with_weights(host, weights);
///     tamp::prune_model(weighed, recipe);
///
/// Memory: one double for each token and block.
class token_weights {
 public:
  token_weights() = default;
  /// Makes weights without samples for a model of so many blocks. `model` and `samples` are the
  /// fingerprints of the model and of the whole calibration set; 0 if they are unknown.
  explicit token_weights(std::size_t blocks, std::uint64_t model = 0, std::uint64_t samples = 0)
      : blocks_(blocks), model_(model), samples_(samples) {}

  /// The number of samples that have weights, and the number of blocks.
  std::size_t samples() const noexcept { return ends_.size(); }
  std::size_t blocks() const noexcept { return static_cast<std::size_t>(blocks_); }
  /// True if all samples of the calibration set have weights.
  bool complete() const noexcept { return is_complete_ != 0; }
  /// Fingerprints of the model (names, shapes, weights) and of the calibration set.
  std::uint64_t model() const noexcept { return model_; }
  std::uint64_t samples_fingerprint() const noexcept { return samples_; }

  /// Adds the next sample: one list for each block, all with one weight for each token.
  /// @throws shape_error if the lists are not as many as the blocks, or differ in length
  /// @throws value_error if a weight is negative or not finite; nothing is added then
  token_weights& add(std::span<const std::vector<double>> of_blocks) {
    const detail::ieee_arithmetic as_usual;
    if (of_blocks.size() != blocks_)
      detail::raise<shape_error>("token_weights: weights for ", of_blocks.size(), " of ", blocks_,
                                 " blocks");
    std::vector<double> sample;
    for (std::size_t b = 0; b < of_blocks.size(); ++b) {
      const std::vector<double>& block = of_blocks[b];
      if (block.size() != of_blocks[0].size())
        detail::raise<shape_error>("token_weights: block ", b, " has weights for ", block.size(),
                                   " tokens, block 0 for ", of_blocks[0].size());
      check_weights(block, b);
      sample.insert(sample.end(), block.begin(), block.end());
    }
    ends_.reserve(ends_.size() + 1);
    numbers_.insert(numbers_.end(), sample.begin(), sample.end());
    ends_.push_back(static_cast<double>(numbers_.size()));
    return *this;
  }

  /// States that no sample follows.
  void finish() noexcept { is_complete_ = 1; }

  /// Returns the weights of a sample's tokens in a block.
  /// @throws shape_error if there is no such sample or block
  std::span<const double> of(std::size_t sample, std::size_t block) const {
    if (sample >= samples() || block >= blocks_)
      detail::raise<shape_error>("token_weights: there are weights of ", samples(), " samples in ",
                                 blocks_, " blocks, and none of sample ", sample, " in block ",
                                 block);
    const std::size_t begin = begin_of(sample), tokens = (begin_of(sample + 1) - begin) / blocks();
    return std::span(numbers_).subspan(begin + block * tokens, tokens);
  }

  /// Adds the samples of another calibration set behind those here. The fingerprints of the
  /// calibration sets are added.
  /// @throws value_error if the weights belong to different models, or a part is not complete;
  ///         nothing is combined then
  token_weights& combine(const token_weights& other) {
    if (blocks_ != other.blocks_ || model_ != other.model_)
      detail::raise<value_error>("token_weights: the parts to combine belong to the models ",
                                 detail::hexadecimal(model_), " of ", blocks_, " blocks and ",
                                 detail::hexadecimal(other.model_), " of ", other.blocks_);
    if (!complete() || !other.complete())
      detail::raise<value_error>("token_weights: only complete ones can be combined; these have ",
                                 samples(), " and ", other.samples(), " samples");
    const std::vector<double> numbers = other.numbers_, ends = other.ends_;
    const auto before = static_cast<double>(numbers_.size());
    ends_.reserve(ends_.size() + ends.size());
    numbers_.insert(numbers_.end(), numbers.begin(), numbers.end());
    for (const double end : ends) ends_.push_back(before + end);
    samples_ += other.samples_;
    return *this;
  }

  /// Returns the weights of some of the samples, as a complete list.
  /// @throws shape_error if there are not so many samples
  token_weights part(std::size_t first, std::size_t count) const {
    if (first > samples() || count > samples() - first)
      detail::raise<shape_error>("token_weights: samples ", first, " to ", first + count,
                                 " are not among ", samples());
    token_weights some(blocks(), model_, samples_);
    const std::size_t begin = begin_of(first);
    some.numbers_.assign(numbers_.begin() + static_cast<std::ptrdiff_t>(begin),
                         numbers_.begin() + static_cast<std::ptrdiff_t>(begin_of(first + count)));
    for (std::size_t s = first; s < first + count; ++s)
      some.ends_.push_back(ends_[s] - static_cast<double>(begin));
    some.finish();
    return some;
  }

  /// Returns a fingerprint of the weights.
  std::uint64_t fingerprint() const {
    tamp::fingerprint print;
    print.add(blocks_).add(std::uint64_t{ends_.size()});
    for (const double end : ends_) print.add(std::bit_cast<std::uint64_t>(end));
    for (const double number : numbers_) print.add(std::bit_cast<std::uint64_t>(number));
    return print.value();
  }

  /// Calls visit(name, value) for all values, for files: each a std::vector<double>& or a
  /// std::uint64_t&.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("numbers", self.numbers_);
    visit("ends", self.ends_);
    visit("blocks", self.blocks_);
    visit("model", self.model_);
    visit("samples", self.samples_);
    visit("complete", self.is_complete_);
  }
  /// Checks values that were read from a file.
  /// @throws value_error if no list of weights can have been written so
  void validate() const {
    const detail::ieee_arithmetic as_usual;
    const auto size = static_cast<double>(numbers_.size());
    bool fits = (ends_.empty() ? 0.0 : ends_.back()) == size && is_complete_ <= 1 &&
                blocks_ <= 0xffffffffu && (blocks_ != 0 || numbers_.empty());
    const double lists = blocks_ == 0 ? 1.0 : static_cast<double>(blocks_);
    for (std::size_t s = 0; fits && s < ends_.size(); ++s) {
      const double tokens = (ends_[s] - (s == 0 ? 0.0 : ends_[s - 1])) / lists;
      fits = ends_[s] <= size && detail::is_nonnegative(tokens) &&
             tokens == static_cast<double>(static_cast<std::size_t>(tokens));
    }
    if (!fits)
      detail::raise<value_error>("token_weights: ", numbers_.size(), " weights cannot be those of ",
                                 samples(), " samples in ", blocks_, " blocks");
    check_weights(numbers_, 0);
  }

  friend bool operator==(const token_weights&, const token_weights&) = default;

 private:
  static void check_weights(std::span<const double> weights, std::size_t block) {
    for (std::size_t t = 0; t < weights.size(); ++t)
      if (!detail::is_nonnegative(weights[t]))
        detail::raise<value_error>("token_weights: weight ", t, " of block ", block, " is ",
                                   weights[t]);
  }

  // Returns the place of a sample's first number, or of the end if there are no more samples.
  std::size_t begin_of(std::size_t sample) const {
    return sample == 0 ? 0 : static_cast<std::size_t>(ends_[sample - 1]);
  }

  std::vector<double> numbers_;  // block after block, sample after sample
  std::vector<double> ends_;     // place behind each sample's last number
  std::uint64_t blocks_ = 0, model_ = 0, samples_ = 0, is_complete_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS
