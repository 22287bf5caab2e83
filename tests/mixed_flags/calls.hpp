#pragma once

// Calls what calculates, and returns the bits of the results. In an unnamed namespace: each unit
// has its own, compiled with its flags, and shares with the others what the linker finds by name.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <ostream>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <tamp/tamp.hpp>
#include <typeinfo>
#include <vector>

#include "results.hpp"

namespace {

using namespace tamp;

constexpr std::size_t rows = 70, cols = 131;

std::vector<float> numbers(unsigned seed, std::size_t count) {
  std::mt19937 random(seed);
  std::vector<float> all(count);
  for (float& number : all) {
    const auto digit = static_cast<float>(random() % 4096);
    // Some are equal, and some so small that flushing would make them so.
    number = random() % 8 == 0 ? std::bit_cast<float>(static_cast<std::uint32_t>(random() % 5))
                               : (digit - 2048) / 1024;
  }
  return all;
}

template <class Number>
void show(std::ostream& out, std::string_view name, const Number* first, std::size_t count) {
  using bits = std::conditional_t<sizeof(Number) == 4, std::uint32_t, std::uint64_t>;
  out << name << std::hex;
  for (std::size_t k = 0; k < count; ++k) out << ' ' << std::bit_cast<bits>(first[k]);
  out << std::dec << '\n';
}

std::string masks() {
  std::ostringstream out;
  const std::vector<float> w = numbers(1, rows * cols), x = numbers(2, 40 * cols);
  const auto norms = observe<stat::column_norm>(view(x, 40, cols));
  const auto with = [&](auto score, auto pattern, auto... allocation) {
    const auto recipe = compose(score, pattern, allocation...);
    out << recipe.label() << '\n' << tamp::select(view(w, rows, cols), norms, recipe);
    std::vector<float> pruned = w;
    tamp::prune(column_major(pruned.data(), rows, cols), norms, recipe);
    out << mask::bitmask::from(view(pruned, rows, cols));
  };
  with(score::wanda{}, pattern::per_row{}, allocate::uniform{0.37});
  with(score::wanda{}, pattern::per_tensor{}, allocate::uniform{0.61});
  with(score::wanda{}, pattern::n_of_m<2, 4>{});
  with(score::wanda{}, pattern::n_of_m<4, 8>{});
  with(score::ria{}, pattern::per_row{}, allocate::uniform{0.5});
  return out.str();
}

std::string sums() {
  std::ostringstream out;
  const std::size_t tokens = 60, width = 24;
  const std::vector<float> x = numbers(3, tokens * cols), q = numbers(4, tokens * width),
                           k = numbers(5, tokens * width), v = numbers(6, tokens * width);
  const auto X = view(x, tokens, cols);
  std::vector<modality> kinds(tokens, modality::text);
  for (std::size_t t = 10; t < 50; ++t) kinds[t] = modality::image;

  const auto norms = observe<stat::column_norm>(X).values();
  show(out, "column_norm", norms.data(), norms.size());
  const auto gram = observe<stat::gram>(X);
  show(out, "gram", gram.matrix().data(), gram.matrix().size());
  std::vector<float> attended(tokens * width);
  compute::attend(view(q, tokens, width), view(k, tokens, width), view(v, tokens, width), kinds,
                  0.3f, view(attended, tokens, width), compute::hollow_attention{8});
  show(out, "attend", attended.data(), attended.size());
  const std::vector<float> attention(tokens, 0.01f);
  stat::token_diversity diversity;
  diversity.add(X, kinds);
  const double importance = diversity.importance();
  show(out, "diversity", &importance, 1);
  const std::vector<std::size_t> sizes{100, 100, 200};
  const auto shares =
      allocate::das{0.5}.distribute(std::vector{importance, 1.0, 2.0}, sizes).sparsities;
  show(out, "das", shares.data(), shares.size());
  out << "amia";
  for (const std::size_t t : stat::select_tokens(X, kinds, attention, stat::amia_select{}))
    out << ' ' << t;
  out << '\n';
  return out.str();
}

#if TAMP_EXCEPTIONS
// The errors of a number that is wrong for each parameter of its kind.
template <class Refused>
void refuse_as_fraction(const Refused& refused, const double& wrong) {
  const std::vector<float> w(16, 1.0f);
  const std::vector<double> values{0.5, 0.5};
  const std::vector<std::size_t> sizes{8, 8};
  refused([&] {
    (void)tamp::select(view(w, 4, 4),
                       compose(score::magnitude{}, pattern::per_row{}, allocate::uniform{wrong}));
  });
  refused([&] { (void)allocate::das{wrong}.distribute(values, sizes); });
  refused([&] { (void)allocate::das{0.5, wrong}.distribute(values, sizes); });
  refused([&] { (void)allocate::owl{.lambda = wrong}.distribute(values, sizes); });
  refused([&] { (void)allocate::owl{.sparsity = wrong}.distribute(values, sizes); });
  refused([&] { (void)allocate::block_influence{.lambda = wrong}.distribute(values, sizes); });
  refused([&] { (void)allocate::erk{wrong}.distribute(values, sizes); });
  refused([&] { (void)token::pyramid_drop{.ratio = wrong}(8, 100); });
  refused([&] { (void)compute::dynamic_ffn{.keep_ratio = wrong}.kept(10); });
}

template <class Refused>
void refuse_as_nonnegative(const Refused& refused, const double& wrong) {
  const std::vector<float> x(16, 1.0f);
  const std::vector<modality> kinds(4, modality::image);
  const auto norms = observe<stat::column_norm>(view(x, 4, 4));
  const std::vector<double> values{0.5, wrong};
  const std::vector<std::size_t> sizes{8, 8};
  refused([&] { (void)allocate::owl{}.distribute(values, sizes); });
  refused([&] { (void)allocate::das{}.distribute(values, sizes); });
  refused([&] { (void)allocate::owl{.M = wrong}.distribute(std::vector<double>(2, 0.5), sizes); });
  refused([&] {
    (void)tamp::select(view(x, 4, 4), norms,
                       compose(score::ria{wrong}, pattern::per_row{}, allocate::uniform{0.5}));
  });
  refused([&] {
    (void)stat::select_tokens(view(x, 4, 4), kinds, std::vector<float>(4, 1.0f),
                              stat::amia_select{.tolerance = wrong});
  });
  const auto plan = [&](const compute::budget_split& split) {
    (void)compute::plan_compute(
        block_shape::plain(4, 8), 2, kinds, 0.5, {}, [](double) { return token::schedule{}; }, {},
        [](double) { return pruning_plan{}; }, split);
  };
  refused([&] { plan({.tokens = wrong}); });
  refused([&] { plan({.visual = wrong}); });
  refused([&] { plan({.weights = wrong}); });
  refused([&] {
    const auto received = [&](auto, auto, std::span<const std::size_t> left) {
      return token::received_attention{std::vector<double>(left.size(), wrong),
                                       std::vector<double>(left.size(), 1.0)};
    };
    (void)token::fitprune_fit{.shape = block_shape::plain(4, 8)}(received,
                                                                 std::vector<std::size_t>{4}, 2);
  });
}

template <class Refused>
void refuse_as_positive(const Refused& refused, const double& wrong) {
  const std::vector<float> y(16, 1.0f);
  const std::vector<modality> kinds(4, modality::image);
  refused([&] {
    (void)stat::select_tokens(view(y, 4, 4), kinds, std::vector<float>(4, 1.0f),
                              stat::amia_select{.sigma = wrong});
  });
  const auto fit = [](const token::fitprune_fit& of) {
    const auto received = [](auto, auto, std::span<const std::size_t> left) {
      return token::received_attention{std::vector<double>(left.size(), 1.0),
                                       std::vector<double>(left.size(), 1.0)};
    };
    (void)of(received, std::vector<std::size_t>{4}, 2);
  };
  const auto shape = block_shape::plain(4, 8);
  refused([&] { fit({.budget = wrong, .shape = shape}); });
  refused([&] { fit({.shape = shape, .resolution = wrong}); });
  refused([&] {
    (void)compute::plan_compute(
        shape, 2, kinds, wrong, {}, [](double) { return token::schedule{}; }, {},
        [](double) { return pruning_plan{}; });
  });
}

// The errors of a weight that is not finite, a parameter out of its range and a negative attention.
std::string refusals() {
  std::ostringstream out;
  const auto refused = [&](auto&& use) {
    try {
      use();
      out << "not refused\n";
    } catch (const tamp::error& e) {
      out << e.what() << '\n';
    }
  };
  const auto half = compose(score::magnitude{}, pattern::per_row{}, allocate::uniform{0.5});
  for (const std::uint32_t bits : {0x7f800000u, 0xff800000u, 0x7fc00000u})
    for (const std::size_t at : {3u, 200u, 999u}) {
      std::vector<float> w(1000, 1.0f);
      w[at] = std::bit_cast<float>(bits);
      refused([&] { (void)tamp::select(view(w, 10, 100), half); });
      refused([&] { (void)tamp::select(view(w, 2, 500), half); });
      refused([&] { (void)observe<stat::column_norm>(view(w, 10, 100)); });
      refused([&] { (void)observe<stat::gram>(view(w, 10, 100)); });
    }
  const std::vector<float> w(16, 1.0f);
  std::vector<double> wrong;
  for (const std::uint64_t bits : {0x7ff8000000000000u, 0xfff8000000000000u, 0x7ff0000000000000u,
                                   0xfff0000000000000u, 0xbfe0000000000000u})  // the last: -0.5
    wrong.push_back(std::bit_cast<double>(bits));
  for (const double& number : wrong) {
    refuse_as_nonnegative(refused, number);
    refuse_as_positive(refused, number);
    refuse_as_fraction(refused, number);
  }
  refuse_as_positive(refused, 0.0);
  refuse_as_fraction(refused, 1.5);
  for (const std::uint32_t bits : {0xbf800000u, 0x80000001u, 0x7f800000u, 0x7fc00000u}) {
    std::vector<float> attention(16, 1.0f);
    attention[9] = std::bit_cast<float>(bits);
    std::vector<modality> kinds(16, modality::text);
    refused(
        [&] { (void)stat::select_tokens(view(w, 16, 1), kinds, attention, stat::amia_select{}); });
  }
  return out.str();
}
#else
std::string refusals() { return {}; }
#endif

results all_results() { return {masks(), sums(), refusals(), &typeid(execute::standard)}; }

}  // namespace
