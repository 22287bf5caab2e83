// The library behind plain C functions, for compare.py. Each does one thing once, says in *seconds
// how long that took, and returns null, or a sentence about what went wrong.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tamp/execute/instructions.hpp>
#include <tamp/execute/openmp.hpp>
#include <tamp/tamp.hpp>
#include <vector>

#include "../floor.hpp"
#include "../optimised.hpp"
#include "shim.hpp"

namespace {

namespace execute = tamp::execute;
using compare::guarded, compare::with_element;
using tamp::modality;

/// The calling thread alone, or several of OpenMP's.
struct team {
  int threads;

  template <class Body>
  void for_each_range(std::size_t count, Body&& body) const {
    if (threads == 1)
      execute::sequential{}.for_each_range(count, body);
    else
      execute::openmp{threads}.for_each_range(count, body);
  }
};

template <class Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Calls `use` with the recipe of that name.
template <class Use>
void with_recipe(std::string_view name, double sparsity, const Use& use) {
  using namespace tamp::pattern;
  using namespace tamp::score;
  const tamp::allocate::uniform share{sparsity};
  if (name == "wanda_per_row")
    use(tamp::compose(wanda{}, per_row{}, share));
  else if (name == "wanda_2:4")
    use(tamp::compose(wanda{}, n_of_m<2, 4>{}));
  else if (name == "magnitude_per_tensor")
    use(tamp::compose(magnitude{}, per_tensor{}, share));
  else if (name == "ria_per_row")
    use(tamp::compose(ria{}, per_row{}, share));
  else
    throw std::invalid_argument("there is no recipe " + std::string(name));
}

/// A layer between two tiny ones of known outlier ratios. OWL spreads densities linearly over the
/// ratios, so that its answer tells the one in the middle.
template <class T>
struct bracketed_layer {
  static constexpr std::array<std::string_view, 3> names{"no outliers", "layer", "one in six"};
  static constexpr double ratio_of_last = 100.0 / 6;

  tamp::matrix_view<const T> weight;
  std::span<const float> norms;

  static constexpr std::size_t size() { return names.size(); }
  static constexpr std::string_view name(std::size_t unit) { return names[unit]; }
  std::size_t num_params(std::size_t unit) const { return unit == 1 ? weight.size() : 6; }

  template <class Use>
  void visit(std::size_t unit, const Use& use) const {
    static constexpr std::array<float, 6> even{1, 1, 1, 1, 1, 1}, uneven{100, 1, 1, 1, 1, 1};
    if (unit == 1)
      use(names[unit], weight, norms);
    else
      use(names[unit], tamp::matrix_view<const float>(unit == 0 ? even : uneven, 1, even.size()),
          std::span<const float>(even));
  }

  double ratio(const std::vector<double>& sparsities) const {
    return (sparsities[0] - sparsities[1]) / (sparsities[0] - sparsities[2]) * ratio_of_last;
  }
};

/// Tokens as a layer puts them out.
tamp::matrix_view<const float> output_view(const float* output, std::size_t tokens,
                                           std::size_t features) {
  return {output, tokens, features};
}

std::span<const modality> kinds_of(const std::uint8_t* kinds, std::size_t tokens) {
  return {reinterpret_cast<const modality*>(kinds), tokens};
}

/// Shares the pages of a block of memory out among the threads.
template <class Work>
void for_each_part(int threads, void* data, std::size_t bytes, const Work& work) {
  constexpr std::size_t page = 4096;
  const std::span all(static_cast<std::byte*>(data), bytes);
  team{threads}.for_each_range((bytes + page - 1) / page, [&](std::size_t begin, std::size_t end) {
    work(all.subspan(begin * page, std::min(end * page, bytes) - begin * page));
  });
}

}  // namespace

extern "C" {

const char* compare_why_not_measured() { return bench::why_not_measured(); }

const char* compare_use_instructions(const char* name) {
  return guarded([&] {
    using execute::instructions;
    for (const auto set : {instructions::portable, instructions::avx2, instructions::avx512})
      if (label(set) == name) return execute::use_instructions(set);
    throw std::invalid_argument("instructions are portable, avx2 or avx512, not " +
                                std::string(name));
  });
}

const char* compare_instructions(char* name, std::size_t size) {
  return guarded([&] {
    const std::string_view text = label(execute::current_instructions());
    *std::copy_n(text.begin(), std::min(text.size(), size - 1), name) = '\0';
  });
}

const char* compare_prune(const char* recipe, const char* element, void* weights, std::size_t rows,
                          std::size_t cols, const float* norms, double sparsity, int threads,
                          double* seconds) {
  return guarded([&] {
    with_recipe(recipe, sparsity, [&](const auto& composed) {
      with_element(element, weights, [&](auto* data) {
        *seconds = seconds_of([&] {
          tamp::prune(team{threads}, tamp::row_major(data, rows, cols), std::span(norms, cols),
                      composed);
        });
      });
    });
  });
}

// `keep` takes one byte a weight: 1 where it stays.
const char* compare_select(const char* recipe, const char* element, void* weights, std::size_t rows,
                           std::size_t cols, const float* norms, double sparsity, int threads,
                           std::uint8_t* keep, double* seconds) {
  return guarded([&] {
    with_recipe(recipe, sparsity, [&](const auto& composed) {
      with_element(element, weights, [&](auto* data) {
        tamp::mask::bitmask mask(0, 0);
        *seconds = seconds_of([&] {
          mask = tamp::select(team{threads}, tamp::row_major(data, rows, cols),
                              std::span(norms, cols), composed);
        });
        for (std::size_t i = 0; i < rows; ++i)
          for (std::size_t j = 0; j < cols; ++j) keep[i * cols + j] = mask(i, j);
      });
    });
  });
}

// `sums` takes one sum of squares a feature.
const char* compare_column_norm(const char* element, void* activations, std::size_t tokens,
                                std::size_t features, int threads, double* sums, double* seconds) {
  return guarded([&] {
    with_element(element, activations, [&](auto* data) {
      tamp::stat::column_norm norm;
      *seconds =
          seconds_of([&] { norm.add(team{threads}, tamp::row_major(data, tokens, features)); });
      std::copy(norm.sum_of_squares().begin(), norm.sum_of_squares().end(), sums);
    });
  });
}

const char* compare_outlier_ratio(const char* element, void* weights, std::size_t rows,
                                  std::size_t cols, const float* norms, double M, int threads,
                                  double* ratio, double* seconds) {
  return guarded([&] {
    with_element(element, weights, [&]<class T>(T* data) {
      const bracketed_layer<T> layer{{data, rows, cols}, {norms, cols}};
      *seconds = seconds_of([&] {
        const tamp::allocate::owl<> policy{.M = M};
        *ratio = layer.ratio(policy(team{threads}, layer).sparsities);
      });
    });
  });
}

// `order` takes the kept tokens as they were chosen, *count of them and `tokens` at most.
const char* compare_amia(const float* output, std::size_t tokens, std::size_t features,
                         const std::uint8_t* kinds, const float* attention, int threads,
                         std::size_t* order, std::size_t* count, double* seconds) {
  return guarded([&] {
    std::vector<std::size_t> chosen;
    *seconds = seconds_of([&] {
      chosen = tamp::stat::amia_select{}(team{threads}, output_view(output, tokens, features),
                                         kinds_of(kinds, tokens), std::span(attention, tokens));
    });
    std::copy(chosen.begin(), chosen.end(), order);
    *count = chosen.size();
  });
}

const char* compare_das(const float* output, std::size_t tokens, std::size_t features,
                        const std::uint8_t* kinds, int threads, double* importance,
                        double* seconds) {
  return guarded([&] {
    *seconds = seconds_of([&] {
      tamp::stat::token_diversity diversity;
      diversity.add(team{threads}, output_view(output, tokens, features), kinds_of(kinds, tokens));
      *importance = diversity.importance();
    });
  });
}

// `attention` is the last query's, (heads, tokens); `kept` takes *count tokens, `tokens` at most.
const char* compare_attention_top_k(const float* attention, std::size_t heads, std::size_t tokens,
                                    const std::uint8_t* kinds, std::size_t keep, std::size_t* kept,
                                    std::size_t* count, double* seconds) {
  return guarded([&] {
    tamp::token::selection stay;
    *seconds = seconds_of([&] {
      tamp::token::context seen;
      seen.kinds = kinds_of(kinds, tokens);
      seen.attention = {std::span(attention, heads * tokens), heads, 1, tokens, tokens - 1};
      stay = tamp::token::select(seen, tamp::token::attention_top_k{}, {.keep = keep});
    });
    std::copy(stay.kept.begin(), stay.kept.end(), kept);
    *count = stay.kept.size();
  });
}

const char* compare_read(void* data, std::size_t bytes, int threads, double* seconds) {
  return guarded([&] {
    *seconds = seconds_of(
        [&] { for_each_part(threads, data, bytes, [](auto part) { bench::read(part); }); });
  });
}

// Changes the data.
const char* compare_read_modify_write(void* data, std::size_t bytes, int threads, double* seconds) {
  return guarded([&] {
    *seconds = seconds_of([&] {
      for_each_part(threads, data, bytes, [](auto part) { bench::read_modify_write(part); });
    });
  });
}

const char* compare_multiply_add(std::size_t count, int threads, double* seconds) {
  return guarded([&] {
    constexpr std::size_t parts = 64;
    *seconds = seconds_of([&] {
      team{threads}.for_each_range(parts, [&](std::size_t begin, std::size_t end) {
        bench::multiply_add<float>(count / parts * (end - begin));
      });
    });
  });
}

}  // extern "C"
