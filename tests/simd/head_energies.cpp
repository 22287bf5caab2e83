#include <tamp/simd/head_energies.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(simd_head_energies)

using support::with_every_instructions;
using tamp::detail::head_pairs;
using tamp::detail::head_tokens;
using tamp::detail::with_head_energies;

namespace {

std::vector<double> random_doubles(std::size_t count, unsigned seed) {
  const auto numbers = support::random_matrix(1, count, seed);
  return {numbers.data(), numbers.data() + count};
}

}  // namespace

BOOST_AUTO_TEST_CASE(pairs_are_counted_along_rows_above_the_diagonal) {
  with_head_energies([&](auto loops) {
    for (const std::size_t heads : {1u, 2u, 7u}) {
      std::size_t place = 0;
      for (std::size_t h = 0; h < heads; ++h)
        for (std::size_t k = h; k < heads; ++k)
          BOOST_TEST(loops.pair_place(heads, h, k) == place++);
      BOOST_TEST(head_pairs(heads) == place);
    }
  });
}

BOOST_AUTO_TEST_CASE(products_of_all_pairs_of_heads) {
  for (const std::size_t heads : {1u, 2u, 3u, 4u, 9u}) {
    constexpr std::size_t features = 5, pitch = 7 * head_tokens;
    const auto vectors = random_doubles(heads * pitch, unsigned(heads));
    std::vector<std::vector<double>> seen;
    with_every_instructions([&] {
      std::vector<double> products(head_pairs(heads) * head_tokens, 1.0);  // which are added to
      with_head_energies([&](auto loops) {
        loops.add_head_products(vectors.data(), pitch, features, heads, products.data());
      });
      seen.push_back(products);
    });
    for (const auto& products : seen) BOOST_TEST((products == seen.front()));
    std::size_t place = 0;
    for (std::size_t h = 0; h < heads; ++h)
      for (std::size_t k = h; k < heads; ++k)
        for (std::size_t t = 0; t < head_tokens; ++t) {
          double sum = 1;
          for (std::size_t f = 0; f < features; ++f)
            sum +=
                vectors[h * pitch + f * head_tokens + t] * vectors[k * pitch + f * head_tokens + t];
          BOOST_TEST_REQUIRE(std::abs(seen[0][place++] - sum) < 1e-12);
        }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(energies_are_those_of_the_sums_of_vectors, T,
                              decltype(std::tuple<float, double>{})) {
  for (const std::size_t heads : {1u, 2u, 5u, 9u}) {
    constexpr std::size_t features = 3, pitch = features * head_tokens, weight_pitch = 100;
    const auto vectors = random_doubles(heads * pitch, unsigned(heads));
    const auto weights = support::random_matrix(heads, weight_pitch, 77);
    const std::vector<T> w(weights.data(), weights.data() + heads * weight_pitch);
    std::vector<double> sizes = random_doubles(head_tokens, 78);
    for (double& size : sizes) size = 1 + size * size;
    sizes[4] = support::infinity;
    std::vector<std::vector<float>> seen;
    with_every_instructions([&] {
      std::vector<double> g(head_pairs(heads) * head_tokens), room(heads * head_tokens);
      std::vector<float> energies(head_tokens);
      with_head_energies([&](auto loops) {
        loops.add_head_products(vectors.data(), pitch, features, heads, g.data());
        loops.double_unequal_heads(heads, g.data());
        loops.energies_by_size(w.data(), weight_pitch, heads, g.data(), sizes.data(), room.data(),
                               energies.data());
      });
      seen.push_back(energies);
    });
    for (const auto& energies : seen) BOOST_TEST((energies == seen.front()));
    for (std::size_t t = 0; t < head_tokens; ++t) {
      double energy = 0;
      for (std::size_t f = 0; f < features; ++f) {
        double sum = 0;
        for (std::size_t h = 0; h < heads; ++h)
          sum += double(w[h * weight_pitch + t]) * vectors[h * pitch + f * head_tokens + t];
        energy += sum * sum;
      }
      BOOST_TEST_REQUIRE(std::abs(double(seen[0][t]) - energy / sizes[t]) <= 1e-6 * energy);
    }
    BOOST_TEST(seen[0][4] == 0.0f);
  }
}

BOOST_AUTO_TEST_CASE(no_energy_is_negative) {
  // Rounding makes the form of two opposite heads negative.
  std::vector<double> g(3 * head_tokens), sizes(head_tokens, 1.0), room(2 * head_tokens);
  for (std::size_t t = 0; t < head_tokens; ++t) {
    g[t] = g[2 * head_tokens + t] = 1;
    g[head_tokens + t] = -2.0000001;
  }
  const std::vector<float> weights(2 * head_tokens, 0.5f);
  std::vector<float> energies(head_tokens, 7.0f);
  with_every_instructions([&] {
    with_head_energies([&](auto loops) {
      loops.energies_by_size(weights.data(), head_tokens, 2, g.data(), sizes.data(), room.data(),
                             energies.data());
    });
    BOOST_TEST((energies == std::vector<float>(head_tokens)));
  });
}

BOOST_AUTO_TEST_SUITE_END()
