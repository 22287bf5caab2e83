#pragma once

/// @file
/// The attention heads that look at images, and those that do not.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "../detail/checked.hpp"
#include "../detail/ieee_arithmetic.hpp"
#include "../detail/number_range.hpp"
#include "../error.hpp"
#include "../model/modality.hpp"
#include "../token/attention_view.hpp"

namespace tamp::inline TAMP_FLAGS::compute {

/// The attention that each head of a layer pays to visual tokens, over calibration samples: YOPO's
/// measure of non-active visual heads.
///
/// Use it to find heads that need not process images. compute::text_attention computes such a head
/// on the text alone.
///
///     ratio(h)    = sum of A(h, q, k) over visual keys k  /  the same sum over text keys,
///                   over all queries q that the host shows, for each sample
///     activity(h) = the largest threshold that more than the share `votes` of the samples exceed
///
/// A head is active at a threshold below its activity. The published masks take all queries, votes
/// of 0.4, and leave the first two layers whole; thresholds of 0.2, 0.077 and 0.035 dropped 10, 20
/// and 30 % of the heads of LLaVA 1.5 13B. A head that pays attention to visual tokens alone has the
/// largest double as its ratio. A sample without visual tokens has no vote. Sums are in double, query by query.
///
/// Source: Zhang et al. 2024, YOPO (arXiv 2410.06169), and its published code
/// (ZhangAIPI/YOPO_MLLM_Pruning at f0783f442781, gen_mask_llava.py).
class head_activity {
 public:
  /// Adds the attention of one sample in this layer. All but text is visual.
  /// @throws shape_error if the kinds do not cover the tokens, or the number of heads differs from
  ///         that of the samples before
  /// @throws value_error if an attention is negative or not finite, naming it; nothing is added then
  head_activity& add(const token::attention_view& attention, std::span<const modality> kinds) {
    const detail::ieee_arithmetic as_usual;
    if (kinds.size() != attention.tokens())
      detail::raise<shape_error>("head_activity: ", kinds.size(), " kinds for ", attention.tokens(),
                                 " tokens");
    if (heads_ != 0 && attention.heads() != heads_)
      detail::raise<shape_error>("head_activity: attention of ", attention.heads(),
                                 " heads, after samples with ", heads_);
    std::vector<double> ratios;
    for (std::size_t head = 0; head < attention.heads(); ++head)
      ratios.push_back(ratio(attention, kinds, head));
    if (ratios.empty()) return *this;
    heads_ = ratios.size();
    const auto is_visual = [](modality kind) { return kind != modality::text; };
    if (std::none_of(kinds.begin(), kinds.end(), is_visual)) return *this;
    ratios_.insert(ratios_.end(), ratios.begin(), ratios.end());
    return *this;
  }

  /// Adds the samples of another accumulator, as if they had been added here.
  /// @throws shape_error if it has another number of heads
  head_activity& combine(const head_activity& other) {
    if (other.heads_ == 0) return *this;
    if (heads_ != 0 && other.heads_ != heads_)
      detail::raise<shape_error>("head_activity: the samples to combine have ", other.heads_,
                                 " heads, those here ", heads_);
    heads_ = other.heads_;
    ratios_.insert(ratios_.end(), other.ratios_.begin(), other.ratios_.end());
    return *this;
  }

  std::size_t heads() const noexcept { return heads_; }
  /// The number of samples with visual tokens.
  std::size_t samples() const noexcept { return heads_ == 0 ? 0 : ratios_.size() / heads_; }

  /// Returns the largest threshold that more than the share `votes` of the samples exceed.
  /// @throws value_error if there is no such head, no sample, or `votes` is not in [0, 1)
  [[nodiscard]] double activity(std::size_t head, double votes = 0.4) const {
    const detail::ieee_arithmetic as_usual;
    if (head >= heads_ || samples() == 0)
      detail::raise<value_error>("head_activity: there is no activity of head ", head, " of ",
                                 heads_, " in ", samples(), " samples");
    if (!(detail::is_fraction(votes) && votes < 1))
      detail::raise<value_error>("head_activity: votes are a share in [0, 1), and are ", votes);
    std::vector<double> ratios;
    for (std::size_t s = 0; s < samples(); ++s) ratios.push_back(ratios_[s * heads_ + head]);
    const auto needed = static_cast<std::size_t>(votes * static_cast<double>(ratios.size()));
    const auto place = ratios.begin() + static_cast<std::ptrdiff_t>(needed);
    std::nth_element(ratios.begin(), place, ratios.end(), std::greater<>());
    return *place;
  }

  friend bool operator==(const head_activity&, const head_activity&) = default;

 private:
  static double ratio(const token::attention_view& attention, std::span<const modality> kinds,
                      std::size_t head) {
    double visual = 0, text = 0;
    std::vector<float> buffer;
    const std::size_t first = attention.first_query();
    for (std::size_t query = first; query < first + attention.queries(); ++query) {
      const std::span<const float> row = attention.row(head, query, buffer);
      for (std::size_t key = 0; key < row.size(); ++key) {
        if (!detail::is_nonnegative(row[key]))
          detail::raise<value_error>("head_activity: the attention of head ", head, ", query ",
                                     query, " to token ", key, " is ", row[key]);
        (kinds[key] == modality::text ? text : visual) += static_cast<double>(row[key]);
      }
    }
    if (visual == 0) return 0;
    return text == 0 ? (std::numeric_limits<double>::max)() : visual / text;
  }

  std::size_t heads_ = 0;
  std::vector<double> ratios_;  // (samples, heads)
};

/// A head of a model.
struct layer_head {
  std::size_t layer = 0, head = 0;
  friend bool operator==(const layer_head&, const layer_head&) = default;
};

/// Returns the `count` least active heads of a model, ascending by layer and head. Layers before
/// `first_layer` keep all of theirs. Ties: the lower layer, then the lower head, comes first.
/// @throws value_error as head_activity::activity does, or if there are fewer heads than `count`
inline std::vector<layer_head> least_active_heads(std::span<const head_activity> layers,
                                                  std::size_t count, std::size_t first_layer = 2,
                                                  double votes = 0.4) {
  struct rated {
    double activity;
    layer_head head;
  };
  std::vector<rated> all;
  for (std::size_t l = first_layer; l < layers.size(); ++l)
    for (std::size_t h = 0; h < layers[l].heads(); ++h)
      all.push_back({layers[l].activity(h, votes), {l, h}});
  if (count > all.size())
    detail::raise<value_error>("least_active_heads: ", count, " heads of ", all.size(),
                               " are asked for, from layer ", first_layer, " on");
  const auto is_before = [](const layer_head& a, const layer_head& b) {
    return a.layer != b.layer ? a.layer < b.layer : a.head < b.head;
  };
  std::sort(all.begin(), all.end(), [&](const rated& a, const rated& b) {
    return a.activity != b.activity ? a.activity < b.activity : is_before(a.head, b.head);
  });
  std::vector<layer_head> least;
  for (std::size_t k = 0; k < count; ++k) least.push_back(all[k].head);
  std::sort(least.begin(), least.end(), is_before);
  return least;
}

}  // namespace tamp::inline TAMP_FLAGS::compute
