#include <tamp/compute/detail/attention_tile.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "../../support/instructions.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(compute_detail_attention_tile)

using support::matrix;
using support::with_every_instructions;
using tamp::detail::attention_tile;

namespace {

// Numbers become powers of two, with the current instructions: weights relative to a score of 0.
void exp2_of_negative(std::vector<float>& numbers) {
  numbers.resize((numbers.size() + 15) / 16 * 16);
  std::vector<float> largest(16), weights(16), shrink(16);
  tamp::detail::with_products(tamp::execute::current_instructions(), [&](auto products) {
    products.make_weights(numbers.data(), numbers.size() / 16, largest.data(), weights.data(),
                          shrink.data());
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(powers_of_two_are_exact_to_the_last_bits) {
  std::vector<float> numbers{0.0f, -0.0f, -1, -2, -126, -0.5f, -1.5f, -126.4f};
  for (float x = 0; x > -126; x -= 0.00731f) numbers.push_back(x);
  with_every_instructions([&] {
    std::vector<float> powers = numbers;
    exp2_of_negative(powers);
    for (std::size_t k = 0; k < numbers.size(); ++k) {
      const double expected = std::exp2(double(numbers[k]));
      BOOST_TEST(std::abs(double(powers[k]) - expected) <= 2e-7 * expected, "2^" << numbers[k]);
    }
    for (std::size_t k = 0; k < 5; ++k) BOOST_TEST(powers[k] == std::exp2(numbers[k]));
  });
}

BOOST_AUTO_TEST_CASE(what_is_too_small_is_zero) {
  with_every_instructions([] {
    std::vector<float> numbers{-126.51f, -127, -128, -1e5f, -0x1p126f, -support::infinity};
    exp2_of_negative(numbers);
    for (std::size_t k = 0; k < 6; ++k) BOOST_TEST(numbers[k] == 0.0f);
  });
}

// A tile works in any steps of keys: the running softmax is that of all keys.
BOOST_AUTO_TEST_CASE(blocks_of_any_size_give_the_softmax_of_all_keys) {
  const std::size_t tokens = 300, width = 5;
  const matrix<float> q = support::random_matrix(20, width, 1);
  const matrix<float> k = support::random_matrix(tokens, width, 2);
  const matrix<float> v = support::random_matrix(tokens, 3, 3);
  const std::vector<std::size_t> rows{3, 0, 19};
  std::vector<std::size_t> keys(tokens);
  std::iota(keys.begin(), keys.end(), std::size_t{0});
  const auto odd = [](std::size_t key, std::span<float, attention_tile::lanes> scores) {
    if (key % 2 == 1) scores[1] = attention_tile::hidden;  // the second query sees even keys
  };
  const auto with_blocks_of = [&](std::size_t block) {
    attention_tile tile(tamp::view(k), tamp::view(v));
    for (int again = 0; again < 2; ++again) {
      tile.start(tamp::view(q), rows, 2.0f);
      for (std::size_t begin = 0; begin < tokens; begin += block)
        tile.add(std::span(keys).subspan(begin, std::min(block, tokens - begin)), odd);
      matrix<float> out(20, 3, 9.0f);
      tile.finish(tamp::view(out), rows);
      BOOST_TEST(out(1, 0) == 9.0f);
      for (std::size_t s = 0; s < rows.size(); ++s) {
        double sum = 0, means[3] = {};
        for (std::size_t t = 0; t < tokens; ++t) {
          if (s == 1 && t % 2 == 1) continue;
          double score = 0;
          for (std::size_t d = 0; d < width; ++d) score += 2.0 * double(q(rows[s], d) * k(t, d));
          sum += std::exp2(score);
          for (std::size_t d = 0; d < 3; ++d) means[d] += std::exp2(score) * double(v(t, d));
        }
        for (std::size_t d = 0; d < 3; ++d)
          BOOST_TEST(std::abs(double(out(rows[s], d)) - means[d] / sum) < 3e-6);
      }
    }
  };
  with_every_instructions([&] {
    for (const std::size_t block : {1u, 2u, 7u, 64u, 128u}) with_blocks_of(block);
  });
}

// Where products are fused, they are fused in every product, so that vectors of 32 and of 64 bytes
// give the same bits.
BOOST_AUTO_TEST_CASE(vectors_of_32_and_of_64_bytes_give_the_same_bits) {
  const matrix<float> q = support::random_matrix(16, 37, 1), k = support::random_matrix(100, 37, 2);
  const matrix<float> v = support::random_matrix(100, 29, 3);
  std::vector<std::size_t> rows(16), keys(100);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  std::iota(keys.begin(), keys.end(), std::size_t{0});
  std::vector<matrix<float>> fused;
  with_every_instructions([&] {
    if (tamp::execute::current_instructions() == tamp::execute::instructions::portable) return;
    attention_tile tile(tamp::view(k), tamp::view(v));
    tile.start(tamp::view(q), rows, 0.3f);
    tile.add(keys, [](auto&&...) {});
    matrix<float> out(16, 29);
    tile.finish(tamp::view(out), rows);
    fused.push_back(out);
  });
  for (const auto& out : fused) BOOST_TEST((out == fused.front()));
}

BOOST_AUTO_TEST_CASE(without_keys_there_are_zeros) {
  const matrix<float> k(2, 4, 1.0f), v(2, 3, 1.0f);
  attention_tile tile(tamp::view(k), tamp::view(v));
  const std::vector<std::size_t> rows{0};
  tile.start(tamp::view(k), rows, 1.0f);
  matrix<float> out(1, 3, 9.0f);
  tile.finish(tamp::view(out), rows);
  BOOST_TEST((out == matrix<float>(1, 3, 0.0f)));
}

BOOST_AUTO_TEST_SUITE_END()
