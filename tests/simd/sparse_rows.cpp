#include <tamp/simd/sparse_rows.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/sparse.hpp"

BOOST_AUTO_TEST_SUITE(simd_sparse_rows)

using tamp::detail::dense_row;
using tamp::detail::is_scaled;
using tamp::detail::room_past_values;
using tamp::detail::sparse_row;

namespace {

using stored_types =
    std::tuple<float, tamp::f16, tamp::bf16, support::host_f16, support::host_bf16, std::int8_t>;

using unscaled_types =
    std::tuple<float, tamp::f16, tamp::bf16, support::host_f16, support::host_bf16>;

using halves = std::tuple<tamp::f16, tamp::bf16>;

constexpr std::size_t widths[] = {0, 1, 7, 16, 31, 32, 63, 64, 65, 100, 128, 129, 200, 300};

/// Calls use(loops) for all loops that this processor can run: both kinds for AVX-512, too.
template <class Use>
void with_every_loops(Use&& use) {
  using namespace tamp::detail;
  const auto best = tamp::execute::best_instructions();
  BOOST_TEST_CONTEXT("portable") { use(portable::sparse_rows{}); }
#if TAMP_SIMD_X86
  using tamp::execute::instructions;
  if (best >= instructions::avx2) BOOST_TEST_CONTEXT("avx2") {
      use(avx2::sparse_rows{});
    }
  if (best >= instructions::avx512) BOOST_TEST_CONTEXT("avx512") {
      use(avx512::sparse_rows{});
    }
  if (best >= instructions::avx512 && __builtin_cpu_supports("avx512vbmi2"))
    BOOST_TEST_CONTEXT("avx512 with vbmi2") { use(avx512_vbmi2::sparse_rows{}); }
#else
  static_cast<void>(best);
#endif
}

template <class Value>
float number(Value value) {
  if constexpr (is_scaled<Value>)
    return value;
  else
    return tamp::element_traits<Value>::load(value);
}

template <class Value>
Value stored(float weight) {
  if constexpr (is_scaled<Value>)
    return static_cast<Value>(std::round(std::clamp(weight * 40, -127.0f, 127.0f)));
  else
    return tamp::element_traits<Value>::store(weight);
}

/// A row of each kind, and what it is by definition. Numbers past the last kept one are NaN, or 99
/// in 8 bits; bits past the last column are set.
template <class Value>
struct row {
  std::vector<std::byte> bits;
  std::vector<Value> kept, all;
  std::vector<tamp::f16> scales;
  std::vector<float> weights;        // of all columns, 0 where dropped
  std::vector<float> dense_weights;  // of all columns, without scales

  row(std::size_t cols, double density, unsigned seed) : bits((cols + 7) / 8, std::byte{0xff}) {
    std::mt19937 random(seed);
    std::normal_distribution<float> weight;
    std::bernoulli_distribution keeps(density);
    if (is_scaled<Value>)
      for (std::size_t j = 0; j < cols; j += 32)
        scales.emplace_back(std::exp2(float(j / 32 % 5) - 3));
    for (std::size_t j = 0; j < cols; ++j) {
      all.push_back(stored<Value>(weight(random)));
      dense_weights.push_back(number(all.back()));
      const float scale = is_scaled<Value> ? float(scales[j / 32]) : 1.0f;
      const bool is_kept = keeps(random);
      weights.push_back(is_kept ? dense_weights.back() * scale : 0.0f);
      if (is_kept)
        kept.push_back(all.back());
      else
        bits[j / 8] &= ~(std::byte{1} << (j % 8));
    }
    const Value beyond =
        is_scaled<Value> ? stored<Value>(2.475f) : stored<Value>(support::not_a_number);
    kept.insert(kept.end(), room_past_values / sizeof(Value), beyond);
  }

  sparse_row<Value> sparse() const { return {bits.data(), kept.data(), scales.data()}; }
};

// The distance between the activations of two tokens, as arrange_row needs it, and one number more.
constexpr std::size_t pitch_for(std::size_t cols) { return (cols / 64 + 1) * 64 + 1; }

// Products in double, and the sum of their absolute values.
std::pair<double, double> expected(const std::vector<float>& weights, const float* x) {
  double sum = 0, absolute = 0;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    sum += double(weights[j]) * double(x[j]);
    absolute += std::fabs(double(weights[j]) * double(x[j]));
  }
  return {sum, absolute};
}

void check_close(float found, std::pair<double, double> definition) {
  BOOST_TEST(std::fabs(found - definition.first) <= 1e-5 * definition.second);
}

// Rows of activations, in order.
std::vector<float> activations(std::size_t tokens, std::size_t cols) {
  const auto x = support::random_matrix(tokens, cols, 7);
  return {x.data(), x.data() + tokens * cols};
}

template <std::size_t Tokens, class Value, class Loops>
void check_few(Loops loops, std::size_t cols) {
  const auto x = activations(Tokens, cols);
  const std::size_t pitch = pitch_for(cols);
  std::vector<float> arranged(Tokens * pitch + 64, support::not_a_number);
  for (std::size_t t = 0; t < Tokens; ++t)
    Loops::template arrange_row<Value>(x.data() + t * cols, cols, arranged.data() + t * pitch);
  for (const double density : {0.0, 0.1, 0.5, 1.0}) {
    const row<Value> weights(cols, density, unsigned(cols));
    std::vector<float> y(3 * Tokens, 99.0f);
    loops.template multiply_rows<Tokens>(std::array{weights.sparse()}, cols, arranged.data(), pitch,
                                         y.data(), 3);
    for (std::size_t k = 0; k < y.size(); ++k)
      if (k % 3 != 0)
        BOOST_TEST(y[k] == 99);
      else
        check_close(y[k], expected(weights.weights, x.data() + k / 3 * cols));
  }
  if constexpr (!is_scaled<Value>) {
    const row<Value> weights(cols, 0.5, unsigned(cols));
    std::vector<float> y(Tokens);
    loops.template multiply_rows<Tokens>(std::array{dense_row<Value>{weights.all.data()}}, cols,
                                         arranged.data(), pitch, y.data(), 1);
    for (std::size_t t = 0; t < Tokens; ++t)
      check_close(y[t], expected(weights.dense_weights, x.data() + t * cols));
  }
}

template <std::size_t Vectors, class Value, class Loops>
void check_many(Loops loops, std::size_t cols) {
  constexpr std::size_t tokens = Vectors * Loops::template lanes<float>;
  const auto x = activations(tokens, cols);
  std::vector<float> columns(tokens * cols);
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t j = 0; j < cols; ++j) columns[j * tokens + t] = x[t * cols + j];
  const row<Value> weights(cols, 0.5, unsigned(cols));
  std::vector<float> sums(tokens, 0.5f), dense_sums(tokens, 0.5f);
  std::size_t next = 0;
  for (std::size_t j = 0; j < cols; j += 64) {
    const std::size_t count = std::min<std::size_t>(64, cols - j);
    tamp::mask::word word = 0;
    for (std::size_t k = 0; k < count; ++k)
      word |= tamp::mask::word{(weights.bits[(j + k) / 8] >> (j + k) % 8 & std::byte{1}) !=
                               std::byte{0}}
              << k;
    float kept[64];
    loops.widen_kept(word, weights.kept.data() + next,
                     is_scaled<Value> ? weights.scales.data() + j / 32 : nullptr, kept);
    std::size_t place = 0;
    for (std::size_t k = 0; k < count; ++k)
      if ((word >> k & 1u) != 0) BOOST_TEST(kept[place++] == weights.weights[j + k]);
    loops.template add_kept<Vectors>(word, kept, columns.data() + j * tokens, sums.data());
    loops.template add_all<Vectors>(count, weights.dense_weights.data() + j,
                                    columns.data() + j * tokens, dense_sums.data());
    next += place;
  }
  for (std::size_t t = 0; t < tokens; ++t) {
    const auto check = [&](float sum, std::pair<double, double> definition) {
      check_close(sum, {definition.first + 0.5, definition.second + 0.5});
    };
    check(sums[t], expected(weights.weights, x.data() + t * cols));
    check(dense_sums[t], expected(weights.dense_weights, x.data() + t * cols));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_row_is_multiplied_by_hand) {
  // . 2 . 3, and bits past the last column that mean nothing
  const std::byte bits[] = {std::byte{0b11111010}};
  std::vector<float> kept{2, 3};
  kept.resize(2 + room_past_values / sizeof(float), support::not_a_number);
  const float x[] = {1, 10, 100, 1000};
  with_every_loops([&](auto loops) {
    std::vector<float> arranged(64);
    loops.template arrange_row<float>(x, 4, arranged.data());
    float y = 0;
    loops.template multiply_rows<1>(std::array{sparse_row<float>{bits, kept.data(), nullptr}}, 4,
                                    arranged.data(), 64, &y, 1);
    BOOST_TEST(y == 3020);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(activations_are_arranged_and_filled_up_with_zeros, Value,
                              stored_types) {
  with_every_loops([](auto loops) {
    using loops_type = decltype(loops);
    constexpr auto order = loops_type::template interleaved<Value>;
    for (const std::size_t cols : widths) {
      std::vector<float> row(cols), arranged((cols + 63) / 64 * 64, support::not_a_number);
      for (std::size_t j = 0; j < cols; ++j) row[j] = float(j) + 1;
      loops.template arrange_row<Value>(row.data(), cols, arranged.data());
      for (std::size_t j = 0; j < arranged.size(); ++j) {
        const std::size_t first = j / order.group * order.group, k = j % order.group;
        const std::size_t place =
            first + k % order.ways * (order.group / order.ways) + k / order.ways;
        BOOST_TEST(arranged[place] == (j < cols ? row[j] : 0.0f));
      }
    }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(few_tokens_are_multiplied_row_by_row, Value, stored_types) {
  with_every_loops([](auto loops) {
    for (const std::size_t cols : widths) {
      check_few<1, Value>(loops, cols);
      check_few<2, Value>(loops, cols);
      if constexpr (decltype(loops)::most_tokens == 4) check_few<4, Value>(loops, cols);
    }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_tokens_product_does_not_depend_on_its_neighbours, Value,
                              stored_types) {
  with_every_loops([](auto loops) {
    constexpr std::size_t tokens = decltype(loops)::most_tokens, cols = 200;
    const auto x = activations(tokens, cols);
    std::vector<float> arranged(tokens * 256);
    for (std::size_t t = 0; t < tokens; ++t)
      loops.template arrange_row<Value>(x.data() + t * cols, cols, arranged.data() + t * 256);
    const row<Value> weights(cols, 0.5, 1);
    std::vector<float> together(tokens), alone(tokens);
    const std::array sparse{weights.sparse()};
    loops.template multiply_rows<tokens>(sparse, cols, arranged.data(), 256, together.data(), 1);
    for (std::size_t t = 0; t < tokens; ++t)
      loops.template multiply_rows<1>(sparse, cols, arranged.data() + t * 256, 256, &alone[t], 1);
    BOOST_TEST(together == alone, boost::test_tools::per_element());
  });
}

// A row gives the same bits alone and beside another, whatever that keeps.
BOOST_AUTO_TEST_CASE_TEMPLATE(a_rows_product_does_not_depend_on_its_neighbour, Value,
                              stored_types) {
  with_every_loops([](auto loops) {
    for (const std::size_t cols : widths) {
      const auto x = activations(1, cols);
      std::vector<float> arranged(pitch_for(cols));
      loops.template arrange_row<Value>(x.data(), cols, arranged.data());
      for (const double density : {0.0, 0.3, 1.0}) {
        const row<Value> above(cols, 0.5, 4), below(cols, density, 5);
        const std::array pair{above.sparse(), below.sparse()};
        std::vector<float> together{99, 99, 99}, alone{99, 99, 99};
        loops.template multiply_rows<1>(pair, cols, arranged.data(), 0, together.data(), 2);
        for (std::size_t r = 0; r < 2; ++r)
          loops.template multiply_rows<1>(std::array{pair[r]}, cols, arranged.data(), 0, &alone[r],
                                          1);
        BOOST_TEST(together == alone, boost::test_tools::per_element());
      }
    }
  });
}

// Several tokens of two rows: token by token, the rows side by side.
BOOST_AUTO_TEST_CASE(rows_and_tokens_have_places_of_their_own) {
  const std::byte bits[] = {std::byte{0b11}, std::byte{0b10}};
  std::vector<float> kept{2, 3, 5};
  kept.resize(3 + room_past_values / sizeof(float), support::not_a_number);
  const float x[2][2] = {{1, 10}, {100, 1000}};
  with_every_loops([&](auto loops) {
    std::vector<float> arranged(128), y(6, 99.0f);
    for (std::size_t t = 0; t < 2; ++t)
      loops.template arrange_row<float>(x[t], 2, arranged.data() + 64 * t);
    const std::array rows{sparse_row<float>{bits, kept.data(), nullptr},
                          sparse_row<float>{bits + 1, kept.data() + 2, nullptr}};
    loops.template multiply_rows<2>(rows, 2, arranged.data(), 64, y.data(), 3);
    BOOST_TEST(y == (std::vector<float>{32, 50, 99, 3200, 5000, 99}),
               boost::test_tools::per_element());
  });
}

// The sums of a sparse row are those of a dense one with zeros, to the bit: their order does not
// depend on what is dropped.
BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_dropped_changes_no_order, Value, unscaled_types) {
  with_every_loops([](auto loops) {
    for (const std::size_t cols : widths) {
      const auto x = activations(1, cols);
      std::vector<float> arranged(pitch_for(cols));
      loops.template arrange_row<Value>(x.data(), cols, arranged.data());
      const row<Value> weights(cols, 0.5, 3);
      std::vector<Value> with_zeros;
      for (const float weight : weights.weights) with_zeros.push_back(stored<Value>(weight));
      float sparse = 0, dense = 0;
      loops.template multiply_rows<1>(std::array{weights.sparse()}, cols, arranged.data(), 0,
                                      &sparse, 1);
      loops.template multiply_rows<1>(std::array{dense_row<Value>{with_zeros.data()}}, cols,
                                      arranged.data(), 0, &dense, 1);
      BOOST_TEST(sparse == dense);
    }
  });
}

// All 256 bytes of a mask, at each of the eight places of a word, and all weights of a byte: a word
// of which only one byte is in question, and all others keep everything.
BOOST_AUTO_TEST_CASE_TEMPLATE(every_byte_of_a_mask_moves_weights_to_their_columns, Value,
                              stored_types) {
  with_every_loops([](auto loops) {
    std::size_t wrong = 0;
    for (std::size_t place = 0; place < 8; ++place)
      for (std::size_t byte = 0; byte < 256; ++byte) {
        std::array<std::byte, 8> bits;
        bits.fill(std::byte{0xff});
        bits[place] = std::byte(byte);
        std::vector<Value> kept;
        std::vector<tamp::f16> scales(2, tamp::f16(1.0f));
        std::array<float, 64> weights{}, arranged{};
        for (std::size_t j = 0; j < 64; ++j)
          if ((bits[j / 8] >> (j % 8) & std::byte{1}) != std::byte{0}) {
            kept.push_back(stored<Value>(is_scaled<Value> ? float(j + 1) / 40 : float(j + 1)));
            weights[j] = number(kept.back());
          }
        kept.resize(kept.size() + room_past_values / sizeof(Value));
        for (std::size_t column = 8 * place; column < 8 * place + 8; ++column) {
          std::array<float, 64> x{};
          x[column] = 1;
          loops.template arrange_row<Value>(x.data(), 64, arranged.data());
          float y = 99;
          loops.template multiply_rows<1>(
              std::array{sparse_row<Value>{bits.data(), kept.data(), scales.data()}}, 64,
              arranged.data(), 0, &y, 1);
          wrong += y != weights[column];
        }
      }
    BOOST_TEST(wrong == 0u);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(many_tokens_are_multiplied_side_by_side, Value, stored_types) {
  with_every_loops([](auto loops) {
    for (const std::size_t cols : widths) {
      check_many<1, Value>(loops, cols);
      check_many<decltype(loops)::most_vectors, Value>(loops, cols);
    }
  });
}

// Weights with any bits become floats as element_traits converts them: subnormals, infinities, NaN.
BOOST_AUTO_TEST_CASE_TEMPLATE(every_weight_of_16_bits_is_converted_exactly, Value, halves) {
  with_every_loops([](auto loops) {
    std::size_t wrong = 0;
    for (std::uint32_t first = 0; first < 0x10000; first += 64) {
      std::vector<Value> values(64 + room_past_values / sizeof(Value));
      for (std::uint32_t k = 0; k < 64; ++k)
        values[k] = Value::from_bits(static_cast<std::uint16_t>(first + k));
      float kept[64];
      loops.widen_kept(~tamp::mask::word{0}, values.data(), nullptr, kept);
      for (std::size_t k = 0; k < 64; ++k) {
        const float expected = number(values[k]);
        wrong += std::isnan(expected) ? !std::isnan(kept[k])
                                      : std::bit_cast<std::uint32_t>(kept[k]) !=
                                            std::bit_cast<std::uint32_t>(expected);
      }
    }
    BOOST_TEST(wrong == 0u);
  });
}

BOOST_AUTO_TEST_CASE(the_current_instructions_choose_the_loops) {
  support::with_every_instructions([] {
    using namespace tamp::detail;
    const auto set = tamp::execute::current_instructions();
    with_sparse_rows([&]<class Loops>(Loops) {
      BOOST_TEST((std::is_same_v<Loops, portable::sparse_rows>) ==
                 (set == tamp::execute::instructions::portable));
#if TAMP_SIMD_X86
      BOOST_TEST((std::is_same_v<Loops, avx2::sparse_rows>) ==
                 (set == tamp::execute::instructions::avx2));
      if (set == tamp::execute::instructions::avx512)
        BOOST_TEST((std::is_same_v<Loops, avx512_vbmi2::sparse_rows>) ==
                   (__builtin_cpu_supports("avx512vbmi2") != 0));
#endif
    });
  });
}

BOOST_AUTO_TEST_SUITE_END()
