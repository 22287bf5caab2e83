#pragma once

/// @file
/// Reduced attention of one layer and sample, from which token::fitprune_fit reads any subset.

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "../detail/checked.hpp"
#include "../error.hpp"
#include "context.hpp"
#include "detail/attention_rows.hpp"
#include "detail/checked_context.hpp"
#include "fitprune.hpp"

namespace tamp::inline TAMP_FLAGS::token {

/// The attention of one layer in one sample, reduced over heads and text queries, from which the
/// attention among any subset of the visual tokens follows. Memory: visual * (visual + 2) numbers,
/// independent of the number of heads and of text tokens.
///
/// In a subset, a dropped token loses its column, and its row of `self`. Nothing is renormalised.
struct attention_record {
  std::vector<double> cross;  ///< (visual,), mean over the queries after the last visual token
  std::vector<float> self;    ///< (visual, visual), maximum over heads for the visual queries

  /// Reduces the attention of a context. A context without visual tokens, of which nothing is read,
  /// has an empty record, which token::fitprune_fit ignores.
  /// @throws value_error if no token follows the last visual one, or if the rows of attention of
  ///         the visual tokens and of the tokens after them are not all present, finite and
  ///         nonnegative
  static attention_record of(const context& c) {
    detail::check_context("attention_record", c, fitprune::reads, only_visual);
    const std::vector<std::size_t> visual = c.visual();
    if (visual.empty()) return {};
    const std::size_t after = detail::first_after(c, visual);
    std::vector<double> cross(c.tokens());
    attention_record record;
    detail::with_memory("attention_record", [&] {
      record.self.reserve(
          detail::checked_matrix("attention_record", visual.size(), visual.size(), sizeof(float)));
    });
    detail::for_each_strongest(
        c.attention, after, c.tokens(),
        [&](std::size_t, std::span<const float> row) { detail::add_row(row, cross); });
    for (double& sum : cross) sum /= static_cast<double>(c.tokens() - after);
    record.cross = detail::of_tokens(cross, visual);
    for (const std::size_t query : visual)
      detail::for_each_strongest(c.attention, query, query + 1,
                                 [&](std::size_t, std::span<const float> row) {
                                   for (const std::size_t v : visual) record.self.push_back(row[v]);
                                 });
    return record;
  }

  friend bool operator==(const attention_record&, const attention_record&) = default;
};

/// Returns the attention that the visual tokens `left` of a record receive. `self` is (visual,
/// visual).
/// @throws shape_error if `self` has another size, or a token is not in the record
inline received_attention received(std::span<const double> cross, std::span<const float> self,
                                   std::span<const std::size_t> left) {
  const std::size_t visual = cross.size();
  if (!detail::product_fits(visual, visual) || self.size() != visual * visual)
    detail::raise<shape_error>("received: ", self.size(), " numbers of attention among ", visual,
                               " visual tokens");
  for (const std::size_t token : left)
    if (token >= visual)
      detail::raise<shape_error>("received: token ", token, " is none of ", visual,
                                 " visual tokens");
  received_attention answer{std::vector<double>(left.size()), std::vector<double>(left.size())};
  std::vector<double> columns(visual);  // of all tokens: contiguous rows are summed fast
  for (const std::size_t row : left) {
    const std::span<const float> numbers = self.subspan(row * visual, visual);
    detail::add_row(numbers, columns);
  }
  for (std::size_t k = 0; k < left.size(); ++k) {
    answer.cross[k] = cross[left[k]];
    answer.self[k] = columns[left[k]] / static_cast<double>(left.size());
  }
  return answer;
}

/// Records of many samples and layers in memory, as the input of token::fitprune_fit. For a
/// recording that does not fit in memory, tamp/io/attention_recording.hpp has one in a file.
class attention_recording {
 public:
  /// @param layers number of layers of the model, at least one
  explicit attention_recording(std::size_t layers) : layers_(layers) {
    if (layers == 0) detail::raise<shape_error>("attention_recording: a model has layers");
  }

  /// Appends the next layer of a sample, or the first layer of the next sample.
  /// @throws shape_error if a sample's layers have different numbers of visual tokens, or `self` is
  ///         not (visual, visual)
  void add(attention_record record) {
    if (const std::size_t visual = record.cross.size();
        !detail::product_fits(visual, visual) || record.self.size() != visual * visual)
      detail::raise<shape_error>("attention_recording: a record of ", visual, " visual tokens has ",
                                 record.self.size(), " numbers of attention among them");
    if (records_.size() % layers_ != 0 && record.cross.size() != records_.back().cross.size())
      detail::raise<shape_error>("attention_recording: layer ", records_.size() % layers_,
                                 " of sample ", samples(), " has ", record.cross.size(),
                                 " visual tokens, the layer before has ",
                                 records_.back().cross.size());
    records_.push_back(std::move(record));
  }

  /// The number of complete samples.
  std::size_t samples() const noexcept { return records_.size() / layers_; }
  std::size_t layers() const noexcept { return layers_; }
  std::vector<std::size_t> visual_tokens() const {
    std::vector<std::size_t> counts;
    for (std::size_t s = 0; s < samples(); ++s) counts.push_back(at(s, 0).cross.size());
    return counts;
  }
  /// Returns the record of a sample and layer.
  /// @throws shape_error if there is no such sample or layer
  const attention_record& at(std::size_t sample, std::size_t layer) const {
    if (sample >= samples() || layer >= layers_)
      detail::raise<shape_error>("attention_recording: layer ", layer, " of sample ", sample,
                                 " is none of ", layers_, " layers of ", samples(), " samples");
    return records_[sample * layers_ + layer];
  }
  received_attention operator()(std::size_t sample, std::size_t layer,
                                std::span<const std::size_t> left) const {
    const attention_record& record = at(sample, layer);
    return received(record.cross, record.self, left);
  }

 private:
  std::size_t layers_;
  std::vector<attention_record> records_;
};

}  // namespace tamp::inline TAMP_FLAGS::token
