// Statistics against their definitions in double: however the tokens are split into batches, laid
// out and merged. A refused batch changes nothing.

#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/column_variance.hpp>
#include <tamp/stat/gram.hpp>
#include <tamp/stat/hidden_change.hpp>
#include <tamp/stat/token_diversity.hpp>
#include <tamp/stat/weighted.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include "executors.hpp"
#include "tensors.hpp"

namespace fuzz::statistics {

bool is_near(double a, double b, double scale, double tolerance = 1e-10) {
  // A product next to nothing is rounded to a multiple of the smallest double.
  constexpr double least = 100 * std::numeric_limits<double>::denorm_min();
  return a == b || std::fabs(a - b) <= tolerance * scale + least;
}

template <class T>
matrix<T> activations(source& in, std::size_t tokens, std::size_t features) {
  using number = tamp::compute_type<T>;
  const bool broken = in.once_in(8);
  return matrix<T>::of(in, tokens, features, [&] {
    return broken && in.once_in(32) ? in.number<number>() : in.finite<number>();
  });
}
template <class T>
double at(const matrix<T>& x, std::size_t t, std::size_t j) {
  return static_cast<double>(x.load(t, j));
}
template <class T>
bool is_finite(const matrix<T>& x) {
  for (std::size_t t = 0; t < x.rows; ++t)
    for (std::size_t j = 0; j < x.cols; ++j)
      if (!std::isfinite(at(x, t, j))) return false;
  return true;
}

/// Sums over tokens of the products of two features, and of their absolute values.
struct products {
  std::vector<double> sums, sizes;  // (features, features)

  template <class T>
  explicit products(const matrix<T>& x) : sums(x.cols * x.cols), sizes(sums.size()) {
    for (std::size_t t = 0; t < x.rows; ++t)
      for (std::size_t i = 0; i < x.cols; ++i)
        for (std::size_t j = 0; j < x.cols; ++j) {
          sums[i * x.cols + j] += at(x, t, i) * at(x, t, j);
          sizes[i * x.cols + j] += std::fabs(at(x, t, i) * at(x, t, j));
        }
  }
};

/// Adds X in batches, some to another accumulator that is merged at the end.
/// @returns whether all was accepted
template <class Statistic, class T>
bool add_in_batches(source& in, const any_executor& exec, const matrix<T>& x, Statistic& whole) {
  Statistic part;
  const auto view = x.view();
  for (std::size_t first = 0; first < x.rows;) {
    const std::size_t count = in.count(0, std::min(x.rows - first, std::size_t{8}));
    const tamp::matrix_view<const T> batch(count == 0 ? nullptr : &view(first, 0), count, x.cols,
                                           x.row_stride, x.col_stride);
    Statistic& to = in.flag() ? whole : part;
    const Statistic before = to;
    if (refusal([&] { to.add(exec, batch); })) {
      check(to == before, "a refused batch changes nothing");
      return false;
    }
    first += count == 0 && in.flag() ? 1 : count;
    if (count == 0) return true;  // what is left is left out
  }
  const Statistic before = whole;
  if (!refusal([&] { whole.combine(part); })) return true;
  check(whole == before, "a refused merge changes nothing");
  return false;
}

/// Both statistics of inputs, of one X.
template <class T>
void of_inputs(source& in) {
  const std::size_t tokens = in.count(0, 20), features = in.count(1, in.once_in(8) ? 150 : 9);
  const matrix<T> x = activations<T>(in, tokens, features);
  const products expected(x);
  const double largest =
      expected.sizes.empty() ? 0 : *std::max_element(expected.sizes.begin(), expected.sizes.end());
  const bool must_do = is_finite(x) && largest < 1e76;  // so that a norm is a finite float
  with_every_instructions(in, [&](const any_executor& exec) {
    tamp::stat::column_norm norms;
    const auto refused = refusal([&] { norms.add(exec, x.view()); });
    check(!refused || !must_do, "finite activations are added");
    check(refused || is_finite(x), "others are refused");
    if (refused) {
      check(norms == tamp::stat::column_norm{}, "a refused batch changes nothing");
      return;
    }
    check(norms.tokens() == tokens && norms.count() == 1, "what went in is counted");
    const auto values = norms.values();
    for (std::size_t j = 0; j < features; ++j) {
      const double square = expected.sums[j * (features + 1)];
      check(is_near(norms.sum_of_squares()[j], square, square), "squares are summed up");
      check(is_near(static_cast<double>(values[j]), std::sqrt(square), std::sqrt(square), 1e-6) ||
                std::sqrt(square) < 1e-37 || std::sqrt(square) > 3e38,
            "a norm is the root of their mean");
    }
    tamp::stat::column_norm split;
    if (add_in_batches(in, exec, x, split) && tokens != 0 && split.tokens() == tokens)
      for (std::size_t j = 0; j < features; ++j)
        check(is_near(split.sum_of_squares()[j], norms.sum_of_squares()[j],
                      norms.sum_of_squares()[j]),
              "batches make no difference");

    if (features > 40) return;
    tamp::stat::gram gram, batches;
    if (refusal([&] { gram.add(exec, x.view()); })) {
      check(!must_do, "finite activations are multiplied");
      check(gram == tamp::stat::gram{}, "a refused batch changes nothing");
      return;
    }
    const bool complete =
        add_in_batches(in, exec, x, batches) && tokens != 0 && batches.tokens() == tokens;
    for (std::size_t k = 0; k < expected.sums.size(); ++k) {
      const std::size_t i = k / features, j = k % features;
      const double sum = gram.matrix()(i, j);
      check(std::isfinite(sum), "an accepted sum is finite");
      check(sum == gram.matrix()(j, i), "the products are symmetrical");
      check(is_near(sum, expected.sums[k], expected.sizes[k]), "products are summed up");
      if (complete)
        check(is_near(batches.matrix()(i, j), sum, expected.sizes[k]),
              "batches make no difference");
    }
  });
}

/// Weights, some of which are none.
std::vector<double> some_weights(source& in, std::size_t tokens) {
  const bool broken = in.once_in(16);
  return in.list(in.once_in(16) ? in.count(0, 21) : tokens, [&] {
    if (broken && in.once_in(8)) return in.number<double>();
    return in.flag() ? 0.0 : static_cast<double>(in.count(1, 64)) / 16;
  });
}
bool are_weights(const std::vector<double>& weights, std::size_t tokens) {
  return weights.size() == tokens && std::all_of(weights.begin(), weights.end(), [](double w) {
           return std::isfinite(w) && w >= 0;
         });
}

/// The rows of weight above 0.
template <class T>
matrix<T> rows_with_weight(const matrix<T>& x, const std::vector<double>& weights) {
  matrix<T> rows{0, x.cols, static_cast<std::ptrdiff_t>(x.cols), 1, 0, {}};
  for (std::size_t t = 0; t < x.rows; ++t) {
    if (weights[t] == 0) continue;
    for (std::size_t j = 0; j < x.cols; ++j) rows.memory.push_back(x.view()(t, j));
    ++rows.rows;
  }
  return rows;
}

/// Adds X with weights: exactly what cannot be used is refused, and with weights of 1 and 0 the
/// result has the bits of the rows of weight 1.
/// @returns whether it was accepted
template <class Statistic, class T>
bool add_with_weights(const any_executor& exec, const matrix<T>& x,
                      const std::vector<double>& weights, bool must_do, Statistic& seen) {
  const auto refused = refusal([&] { seen.add(exec, x.view(), weights); });
  if (refused) check(seen == Statistic{}, "a refused batch changes nothing");
  if (!are_weights(weights, x.rows)) {
    check(refused.has_value(), "weights that are none are refused");
    return false;
  }
  const matrix<T> chosen = rows_with_weight(x, weights);
  check(refused || is_finite(chosen), "activations that are not finite are refused");
  check(!refused || !must_do, "finite activations are weighted");
  if (!refused) check(seen.tokens() == chosen.rows, "tokens of weight 0 are not counted");

  std::vector<double> ones = weights;
  for (double& weight : ones) weight = weight == 0 ? 0.0 : 1.0;
  Statistic all, alone;
  const auto all_refused = refusal([&] { all.add(exec, x.view(), ones); });
  const auto alone_refused = refusal([&] { alone.add(exec, chosen.view()); });
  check(all_refused.has_value() == alone_refused.has_value() && all == alone,
        "weights of 1 and 0 give the bits of the rows of weight 1");
  return !refused;
}

template <class T>
void of_weighted_inputs(source& in) {
  const std::size_t tokens = in.count(0, 20), features = in.count(1, in.once_in(8) ? 150 : 9);
  const matrix<T> x = activations<T>(in, tokens, features);
  const std::vector<double> weights = some_weights(in, tokens);
  const bool fits = are_weights(weights, tokens);
  std::vector<double> sums(features * features), sizes(sums.size()), means(features);
  double total = 0, squared = 0, largest = 0, most = 0;
  bool is_usable = fits;
  for (std::size_t t = 0; t < tokens && fits; ++t) {
    if (weights[t] == 0) continue;
    total += weights[t], squared += weights[t] * weights[t];
    for (std::size_t i = 0; i < features; ++i) {
      is_usable &= std::isfinite(at(x, t, i));
      means[i] += weights[t] * at(x, t, i);
      largest = std::max(largest, std::fabs(at(x, t, i)));
      for (std::size_t j = 0; j < features; ++j) {
        const double product = weights[t] * at(x, t, i) * at(x, t, j);
        sums[i * features + j] += product;
        sizes[i * features + j] += std::fabs(product);
      }
    }
  }
  for (const double size : sizes) most = std::max(most, size);
  // So that norms are finite floats, and all products of weights are numbers.
  const bool must_do =
      is_usable && most < 1e76 && largest < 1e38 && squared < 1e76 &&
      std::all_of(weights.begin(), weights.end(), [](double w) { return w == 0 || w > 1e-76; });
  with_every_instructions(in, [&](const any_executor& exec) {
    tamp::stat::column_norm norms;
    if (add_with_weights(exec, x, weights, must_do, norms))
      for (std::size_t j = 0; j < features; ++j) {
        const double square = sums[j * (features + 1)];
        check(is_near(norms.sum_of_squares()[j], square, square), "weighted squares are summed up");
      }
    if (features > 40) return;
    tamp::stat::gram gram;
    if (add_with_weights(exec, x, weights, must_do, gram) && must_do)
      for (std::size_t k = 0; k < sums.size(); ++k) {
        const double sum = gram.matrix()(k / features, k % features);
        check(sum == gram.matrix()(k % features, k / features), "the products are symmetrical");
        // Numbers below 1e-308 have few digits, and lose some when they are scaled.
        check(is_near(sum, sums[k], sizes[k]) ||
                  std::fabs(sum - sums[k]) <= 1e-320 * (largest + 1) * (total + 1),
              "weighted products are summed up");
      }
    tamp::stat::column_variance variance;
    if (!add_with_weights(exec, x, weights, must_do, variance) || !must_do) return;
    variance.validate();
    const auto found = variance.means(), variances = variance.variances();
    for (std::size_t j = 0; j < features && variance.tokens() > 1; ++j) {
      double squares = 0, size = 0;
      const double mean = means[j] / total;
      for (std::size_t t = 0; t < tokens; ++t) {
        if (weights[t] == 0) continue;
        squares += weights[t] * (at(x, t, j) - mean) * (at(x, t, j) - mean);
        size = std::max(size, std::fabs(at(x, t, j)));
      }
      check(is_near(found[j], mean, size), "a mean is weighted");
      check(variances[j] >= 0 && is_near(variances[j], squares / (total - squared / total),
                                         size * size * total / (total - squared / total)),
            "a variance is weighted");
    }
  });
}

void of_hidden_states(source& in) {
  const std::size_t tokens = in.count(0, 9), features = in.count(0, 40);
  const auto before = activations<float>(in, tokens, features);
  const auto after = activations<float>(in, in.once_in(16) ? tokens + 1 : tokens, features);
  double sum = 0;
  for (std::size_t t = 0; t < tokens && t < after.rows; ++t) {
    double dot = 0, bb = 0, aa = 0;
    for (std::size_t j = 0; j < features; ++j) {
      dot += at(before, t, j) * at(after, t, j);
      bb += at(before, t, j) * at(before, t, j);
      aa += at(after, t, j) * at(after, t, j);
    }
    sum += bb == 0 || aa == 0 ? (bb == aa ? 0.0 : 1.0) : 1 - dot / std::sqrt(bb) / std::sqrt(aa);
  }
  const bool fits = is_finite(before) && is_finite(after) && after.rows == tokens;
  with_every_instructions(in, [&](const any_executor& exec) {
    tamp::stat::hidden_change change;
    const auto refused = refusal([&] { change.add(exec, before.view(), after.view()); });
    check(refused.has_value() == !fits, "exactly what cannot be used is refused");
    if (refused) check(change == tamp::stat::hidden_change{}, "and changes nothing");
    if (refused || tokens == 0) return;
    check(is_near(change.influence(), sum / static_cast<double>(tokens), 1),
          "the influence is the mean change");
  });
}

/// A user's selector, some of whose answers name no token.
struct any_selector {
  std::vector<std::size_t> taken;
  std::string label() const { return "any"; }
  template <class E, class Y>
  std::vector<std::size_t> operator()(const E&, const Y&, std::span<const tamp::modality>,
                                      std::span<const float>) const {
    return taken;
  }
  friend bool operator==(const any_selector&, const any_selector&) = default;
};

void of_selected(source& in) {
  const std::size_t tokens = in.count(0, 9), features = in.count(1, 5);
  const auto x = activations<float>(in, tokens, features);
  const bool wild = in.once_in(8);
  const any_selector selector{in.list(
      in.count(0, tokens), [&] { return wild ? in.size(tokens + 1) : in.count(0, tokens - 1); })};
  bool fits = true;
  std::vector<double> squares(features);
  for (const std::size_t t : selector.taken) {
    fits &= t < tokens;
    for (std::size_t j = 0; j < features && t < tokens; ++j) {
      fits &= std::isfinite(at(x, t, j));
      squares[j] += at(x, t, j) * at(x, t, j);
    }
  }
  tamp::stat::weighted<tamp::stat::column_norm, any_selector> norms(selector);
  const auto before = norms;
  const auto host = x.view();
  const tamp::layer_sample<decltype(host), decltype(host)> sample{host, host, {}, {}};
  const auto refused = refusal([&] { norms.add(sample); });
  check(refused.has_value() || fits, "what cannot be used is refused");
  if (refused) check(norms == before, "and changes nothing");
  // A token that is named twice may be refused.
  if (refused || selector.taken.empty()) return;
  const auto values = norms.values();
  for (std::size_t j = 0; j < features; ++j) {
    const double norm = std::sqrt(squares[j] / static_cast<double>(selector.taken.size()));
    check(is_near(static_cast<double>(values[j]), norm, norm, 1e-6) || norm < 1e-37 || norm > 3e38,
          "every selected token counts once");
  }
}

template <class T>
void of_outputs(source& in) {
  using tamp::modality;
  const std::size_t tokens = in.count(0, 12), features = in.count(0, 20);
  const auto y = activations<T>(in, tokens, features);
  const std::size_t kinds_there = in.once_in(16) ? 9 : in.count(1, 8);
  const auto kinds = in.list(in.once_in(16) ? in.count(0, 13) : tokens,
                             [&] { return modality(in.count(0, kinds_there - 1)); });
  bool fits = is_finite(y) && (kinds.empty() || kinds.size() == tokens);
  for (const modality kind : kinds) fits &= static_cast<unsigned>(kind) < 8;

  double sums[8][8] = {}, counts[8][8] = {};
  bool is_clear = true;  // no cosine is zero but for rounding, no square under- or overflows
  const products of_tokens([&] {
    matrix<double> turned{features, tokens, static_cast<std::ptrdiff_t>(tokens), 1, 0, {}};
    for (std::size_t j = 0; j < features; ++j)
      for (std::size_t t = 0; t < tokens; ++t) turned.memory.push_back(at(y, t, j));
    return turned;
  }());
  const auto kind = [&](std::size_t t) {
    return kinds.empty() ? 0u : static_cast<unsigned>(kinds[t]);
  };
  for (std::size_t s = 0; s < tokens && fits; ++s) {
    const double square = of_tokens.sums[s * (tokens + 1)];
    is_clear &= square == 0 || (square > 1e-30 && square < 1e30);
    for (std::size_t t = s + 1; t < tokens; ++t) {
      const double other = of_tokens.sums[t * (tokens + 1)];
      const double cosine = square == 0 || other == 0 ? 0
                                                      : of_tokens.sums[s * tokens + t] /
                                                            std::sqrt(square) / std::sqrt(other);
      const auto a = std::min(kind(s), kind(t)), b = std::max(kind(s), kind(t));
      // A sum that cancels out is zero here, and perhaps 1e-8 where tokens are normalised first.
      bool is_empty = true;
      for (std::size_t j = 0; j < features; ++j) is_empty &= at(y, s, j) * at(y, t, j) == 0;
      is_clear &= is_empty || std::fabs(cosine) > 1e-6;
      if (a == b && !(cosine > 0)) continue;
      sums[a][b] += cosine;
      counts[a][b] += 1;
    }
  }
  const std::vector<double> weights = some_weights(in, tokens);
  with_every_instructions(in, [&](const any_executor& exec) {
    tamp::stat::token_diversity weighted;
    const auto weights_refused = refusal([&] { weighted.add(exec, y.view(), kinds, weights); });
    check(weights_refused || are_weights(weights, tokens), "weights that are none are refused");
    if (weights_refused)
      check(weighted == tamp::stat::token_diversity{}, "and change nothing");
    else
      check(std::isfinite(weighted.importance()), "a weighted importance is finite");

    tamp::stat::token_diversity diversity;
    const auto refused = refusal([&] { diversity.add(exec, y.view(), kinds); });
    check(!refused || !fits || !is_clear, "finite outputs are looked at");
    check(refused || fits, "others are refused");
    if (refused) check(diversity == tamp::stat::token_diversity{}, "and change nothing");
    if (refused) return;
    tamp::stat::token_diversity equal;
    equal.add(exec, y.view(), kinds, std::vector<double>(tokens, 1.0));
    check(equal == diversity, "weights of 1 make no difference");
    check(std::isfinite(diversity.importance()), "an importance is finite");
    for (unsigned a = 0; a < 8 && is_clear; ++a)
      for (unsigned b = a; b < 8; ++b) {
        const double density = counts[a][b] == 0 ? 0 : sums[a][b] / counts[a][b];
        check(is_near(diversity.density(modality(b), modality(a)), density, 1, 1e-5),
              "a density is the mean cosine");
      }
  });
}

constexpr void (*kinds_of_statistic[])(source&) = {of_inputs<float>,
                                                   of_inputs<double>,
                                                   of_inputs<tamp::f16>,
                                                   of_hidden_states,
                                                   of_selected,
                                                   of_outputs<float>,
                                                   of_outputs<double>,
                                                   of_weighted_inputs<float>,
                                                   of_weighted_inputs<double>,
                                                   of_weighted_inputs<tamp::f16>};

const registered here("statistics", [](source& in) { in.of(kinds_of_statistic)(in); });

}  // namespace fuzz::statistics
