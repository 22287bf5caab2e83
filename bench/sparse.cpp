// Products of sparse weights with activations, weights of 4096 columns beyond any cache.
//
// multiply: one token, compared to a read of as many bytes as the sparse (or dense) weight has.
// 1 / ratio is the fraction of the memory's speed.
// multiply_against_dense: a number of tokens, compared to the product with the dense weight.
// pack: compared to a copy of the weight. Both write to fresh memory.

#include <tamp/detail/large_array.hpp>
#include <tamp/sparse/multiply.hpp>
#include <tamp/sparse/pack.hpp>
#include <tamp/tamp.hpp>

#include <map>
#include <memory>

#include "floor.hpp"

namespace {

constexpr std::size_t cols = 4096, rows = 40960;

// A weight, its sparse form, and memory of the same size to read.
template <class T>
struct subject {
  using element = std::conditional_t<std::is_same_v<T, std::int8_t>, float, T>;
  std::size_t height;
  tamp::detail::large_array<element> weights;
  tamp::mask::bitmask keep;
  tamp::sparse::matrix<T> sparse;

  subject(std::size_t height_, double sparsity)
      : height(height_), weights(height * cols), keep(height, cols, false) {
    std::mt19937 generator(1);
    const auto kept = static_cast<std::uint32_t>((1 - sparsity) * 4294967295.0);
    for (std::size_t i = 0; i < height; ++i)
      for (std::size_t j = 0; j < cols; ++j) {
        const auto number = static_cast<std::uint32_t>(generator());
        weights.data()[i * cols + j] = tamp::element_traits<element>::store(
            static_cast<float>(static_cast<int>(number >> 8 & 0xffffu) - 32768) / 32768.0f);
        if (number * 2654435761u <= kept) keep.set(i, j, true);
      }
    sparse = tamp::sparse::pack_as<T>(view(), keep);
    tamp::apply(view(), keep);
  }
  auto view() { return tamp::matrix_view<element>(weights.data(), height, cols); }
};

// One at a time: they are large.
template <class T>
subject<T>& subject_of(std::size_t height, double sparsity) {
  static std::unique_ptr<subject<T>> kept;
  static double of = -1;
  if (!kept || of != sparsity || kept->height != height) {
    kept.reset();
    kept = std::make_unique<subject<T>>(height, sparsity);
    of = sparsity;
  }
  return *kept;
}

std::span<std::byte> memory(std::size_t bytes) {
  static tamp::detail::large_array<std::byte> kept;
  static std::size_t size = 0;
  if (size < bytes) {
    kept = tamp::detail::large_array<std::byte>(size = bytes);
    std::fill_n(kept.data(), bytes, std::byte{1});
  }
  return {kept.data(), bytes};
}

template <class Work>
void with_set(tamp::execute::instructions set, const Work& work) {
  const auto before = tamp::execute::current_instructions();
  tamp::execute::use_instructions(set);
  work();
  tamp::execute::use_instructions(before);
}

template <class T, class Executor>
void multiply(benchmark::State& state, const Executor& exec, tamp::execute::instructions set,
              double sparsity) {
  subject<T>& s = subject_of<T>(rows, sparsity < 0 ? 0.5 : sparsity);
  const bool is_dense = sparsity < 0;
  const std::size_t bytes = is_dense ? s.view().size() * sizeof(T) : s.sparse.bytes();
  const auto floor = memory(bytes);
  const std::vector<float> x(cols, 0.5f);
  std::vector<float> y(rows);
  with_set(set, [&] {
    bench::against_floor(
        state, bytes, [] {}, [&] { bench::read(exec, floor); },
        [&] {
          if (is_dense)
            tamp::sparse::multiply(exec, s.view(), x, y);
          else
            tamp::sparse::multiply(exec, s.sparse, x, y);
        });
  });
}

template <class T, class Executor>
void multiply_against_dense(benchmark::State& state, const Executor& exec,
                            tamp::execute::instructions set, double sparsity, std::size_t tokens) {
  subject<T>& s = subject_of<T>(rows, sparsity);
  std::vector<float> x(tokens * cols), y(tokens * rows);
  for (std::size_t k = 0; k < x.size(); ++k) x[k] = static_cast<float>(k % 17) - 8;
  const auto X = tamp::view(x, tokens, cols);
  const auto Y = tamp::view(y, tokens, rows);
  with_set(set, [&] {
    bench::against_floor(
        state, s.sparse.bytes(), [] {}, [&] { tamp::sparse::multiply(exec, s.view(), X, Y); },
        [&] { tamp::sparse::multiply(exec, s.sparse, X, Y); });
  });
}

template <class T, class Executor>
void pack(benchmark::State& state, const Executor& exec, tamp::execute::instructions set) {
  subject<T>& s = subject_of<T>(rows, 0.5);
  const std::size_t bytes = s.view().size() * sizeof(T);
  with_set(set, [&] {
    bench::against_floor(
        state, bytes, [] {},
        [&] {
          const tamp::detail::large_array<std::byte> copy(bytes);
          std::memcpy(copy.data(), s.weights.data(), bytes);
          benchmark::DoNotOptimize(copy.data());
        },
        [&] {
          const auto packed = tamp::sparse::pack(exec, s.view(), s.keep);
          benchmark::DoNotOptimize(packed.values(0).data());
        });
  });
}

[[maybe_unused]] const bool registered = [] {
  using tamp::execute::instructions;
  const auto add = [](const std::string& name, auto body) {
    benchmark::RegisterBenchmark(name.c_str(), body)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->MinTime(0.2);
  };
  const auto percent = [](double sparsity) {
    return std::to_string(static_cast<int>(100 * sparsity + 0.5)) + "%/";
  };
  const auto with = [&]<class T>(T, const std::string& type) {
    const auto with_threads = [&](const std::string& threads, auto exec) {
      for (const auto set : {instructions::avx2, instructions::avx512}) {
        if (set > tamp::execute::best_instructions()) continue;
        const std::string where =
            type + '/' + std::string(tamp::execute::label(set)) + '/' + threads;
        for (const double sparsity : {0.5, 0.2, 0.7})
          add("multiply/sparse/" + percent(sparsity) + where,
              [=](benchmark::State& s) { multiply<T>(s, exec, set, sparsity); });
        if constexpr (!std::is_same_v<T, std::int8_t>) {
          add("multiply/dense/" + where,
              [=](benchmark::State& s) { multiply<T>(s, exec, set, -1); });
          add("pack/" + where, [=](benchmark::State& s) { pack<T>(s, exec, set); });
          for (const double sparsity : {0.5, 0.2})
            for (const std::size_t tokens : {1u, 2u, 4u, 8u, 16u, 32u, 64u})
              add("multiply_against_dense/" + percent(sparsity) + std::to_string(tokens) +
                      "_tokens/" + where,
                  [=](benchmark::State& s) {
                    multiply_against_dense<T>(s, exec, set, sparsity, tokens);
                  });
        }
      }
    };
    with_threads("1_thread", tamp::execute::sequential{});
    with_threads("2_threads", tamp::execute::openmp{2});
  };
  with(float{}, "float");
  with(tamp::bf16{}, "bf16");
  with(tamp::f16{}, "f16");
  with(std::int8_t{}, "int8");
  return true;
}();

}  // namespace
