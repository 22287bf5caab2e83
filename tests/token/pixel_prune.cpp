#include <tamp/token/pixel_prune.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <tamp/token/gather.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/instructions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_pixel_prune)

using support::check_error;
using support::matrix;
using tamp::token::grid;
using tamp::token::pixel_distance;
using tamp::token::pixel_prune;
using tamp::token::pixel_prune_options;
using tamp::token::selection;
using indices = std::vector<std::size_t>;

namespace {

constexpr pixel_distance distances[] = {pixel_distance::largest, pixel_distance::mean_absolute,
                                        pixel_distance::root_mean_square};

// The docstring's rule on reconstructed pixels, without anything shared.
indices by_definition(const matrix<float>& patches, const grid& g, const pixel_prune_options& o) {
  matrix<float> seen = patches;
  const auto alike = [&](const matrix<float>& m, std::size_t a, const matrix<float>& n,
                         std::size_t b) {
    double largest = 0, sum = 0, squares = 0;
    for (std::size_t j = 0; j < patches.cols(); ++j) {
      const double d = std::abs(double(m(a, j)) - double(n(b, j)));
      largest = std::max(largest, d);
      sum += d;
      squares += d * d;
    }
    const auto pixels = double(patches.cols());
    return (o.distance == pixel_distance::largest         ? largest
            : o.distance == pixel_distance::mean_absolute ? sum / pixels
                                                          : std::sqrt(squares / pixels)) <= o.tau;
  };
  indices kept;
  for (std::size_t t = 0; t < patches.rows(); ++t) {
    const std::size_t row = t / g.width % g.height, col = t % g.width;
    std::size_t guess = col != 0 ? t - 1 : t - g.width;
    if (row != 0 && col != 0 && alike(seen, t - g.width - 1, seen, t - 1) &&
        !alike(seen, t - g.width - 1, seen, t - g.width))
      guess = t - g.width;
    if ((row == 0 && col == 0) || !alike(patches, t, seen, guess))
      kept.push_back(t);
    else
      for (std::size_t j = 0; j < patches.cols(); ++j) seen(t, j) = seen(guess, j);
  }
  return kept;
}

// Small whole numbers, most of them as beside them.
matrix<float> page(const grid& g, std::size_t pixels, unsigned seed, unsigned levels) {
  std::mt19937 random(seed);
  matrix<float> patches(g.tokens(), pixels);
  for (std::size_t t = 0; t < g.tokens(); ++t) {
    const bool same = t != 0 && random() % 4 != 0;
    for (std::size_t j = 0; j < pixels; ++j)
      patches(t, j) = (same ? patches(t - 1, j) : float(random() % levels)) +
                      (random() % 16 == 0 ? 1.0f : 0.0f);
  }
  return patches;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // 1 1 2
  // 1 3 2   the guess of the last row's 3 is above: its corner is as the left, 1, and not as 3
  // 1 3 2
  const matrix<float> patches{{1}, {1}, {2}, {1}, {3}, {2}, {1}, {3}, {2}};
  const selection made = pixel_prune(patches, {1, 3, 3});
  BOOST_TEST(made.kept == (indices{0, 2, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(made.into == (indices{0, 0, 1, 0, 2, 3, 0, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_distance_by_hand) {
  // Differences of 0, 1, 2 and 3: the largest is 3, the mean 1.5, and the root mean square 1.87.
  const matrix<float> patches{{0, 0, 0, 0}, {0, 1, -2, 3}};
  const auto kept = [&](double tau, pixel_distance distance) {
    return pixel_prune(patches, {1, 1, 2}, {tau, distance}).kept.size();
  };
  BOOST_TEST(kept(2.99, pixel_distance::largest) == 2u);
  BOOST_TEST(kept(3, pixel_distance::largest) == 1u);
  BOOST_TEST(kept(1.49, pixel_distance::mean_absolute) == 2u);
  BOOST_TEST(kept(1.5, pixel_distance::mean_absolute) == 1u);
  BOOST_TEST(kept(1.87, pixel_distance::root_mean_square) == 2u);
  BOOST_TEST(kept(1.8709, pixel_distance::root_mean_square) == 1u);
}

BOOST_AUTO_TEST_CASE(differences_add_up_to_what_is_kept) {
  // Each patch differs by 1 from the one before it. It is held against what was reconstructed.
  matrix<float> drift(1 * 12, 1);
  for (std::size_t t = 0; t < 12; ++t) drift(t, 0) = float(t);
  BOOST_TEST(pixel_prune(drift, {1, 1, 12}, {.tau = 2}).kept == (indices{0, 3, 6, 9}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (const grid g : {grid{1, 9, 11}, {3, 4, 5}, {1, 1, 20}, {2, 20, 1}})
    for (unsigned seed = 0; seed < 4; ++seed)
      for (const std::size_t pixels : {1u, 3u, 12u, 33u}) {
        const matrix<float> patches = page(g, pixels, seed, 3);
        for (const pixel_distance distance : distances)
          for (const double tau : {0.0, 0.3, 1.0})
            support::with_every_instructions([&] {
              const pixel_prune_options o{tau, distance};
              BOOST_TEST(pixel_prune(patches, g, o).kept == by_definition(patches, g, o),
                         boost::test_tools::per_element());
            });
      }
}

BOOST_AUTO_TEST_CASE(a_distance_of_zero_loses_nothing) {
  for (const pixel_distance distance : distances)
    for (unsigned seed = 0; seed < 5; ++seed) {
      const grid g{2, 6, 7};
      matrix<float> patches = page(g, 4, seed, 2);
      const matrix<float> before = patches;
      const selection made = pixel_prune(patches, g, {.distance = distance});
      BOOST_TEST(made.kept.size() < g.tokens());
      tamp::token::gather_rows(tamp::view(patches), made.kept);
      for (std::size_t t = 0; t < g.tokens(); ++t)
        for (std::size_t j = 0; j < 4; ++j) BOOST_TEST(patches(made.into[t], j) == before(t, j));
    }
  // Neither are doubles rounded.
  const matrix<double> close{{1.0}, {1.0 + 0x1p-52}, {1.0 + 0x1p-52}};
  BOOST_TEST(pixel_prune(close, {1, 1, 3}).kept == (indices{0, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(frames_are_by_themselves) {
  const matrix<float> same(24, 3, 5.0f);
  BOOST_TEST(pixel_prune(same, {4, 2, 3}).kept == (indices{0, 6, 12, 18}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(minus_zero_is_zero_and_what_is_not_finite_is_like_nothing) {
  for (const pixel_distance distance : distances) {
    const auto kept = [&](const matrix<float>& patches) {
      return pixel_prune(patches, {1, 1, patches.rows()}, {.distance = distance}).kept;
    };
    BOOST_TEST(kept({{0.0f}, {-0.0f}, {0.0f}}) == (indices{0}), boost::test_tools::per_element());
    for (const float odd : {support::not_a_number, support::infinity})
      BOOST_TEST(kept({{odd, 1}, {odd, 1}, {1, 1}, {1, 1}}) == (indices{0, 1, 2}),
                 boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(layout_and_type_make_no_difference) {
  const grid g{2, 5, 6};
  const matrix<float> patches = page(g, 9, 3, 3);
  const selection expected = pixel_prune(patches, g, {.tau = 1});
  support::in_every_layout(
      patches, [&](auto view) { BOOST_TEST((pixel_prune(view, g, {.tau = 1}) == expected)); });
  BOOST_TEST((pixel_prune(support::as<double>(patches), g, {.tau = 1}) == expected));
  BOOST_TEST((pixel_prune(support::as<tamp::bf16>(patches), g, {.tau = 1}) == expected));
  BOOST_TEST((pixel_prune(tamp::any_view(tamp::view(patches)), g, {.tau = 1}) == expected));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_compared_is_refused) {
  const matrix<float> patches(6, 2), none(6, 0);
  check_error<tamp::shape_error>("pixel_prune: the grid is of 1 x 2 x 4 patches, the tensor of 6",
                                 [&] { (void)pixel_prune(patches, {1, 2, 4}); });
  check_error<tamp::shape_error>("pixel_prune: 6 patches have no pixels",
                                 [&] { (void)pixel_prune(none, {1, 2, 3}); });
  check_error<tamp::value_error>("pixel_prune: tau is at least 0, and is -1",
                                 [&] { (void)pixel_prune(patches, {1, 2, 3}, {.tau = -1}); });
  check_error<tamp::value_error>("pixel_prune: tau is at least 0, and is nan", [&] {
    (void)pixel_prune(patches, {1, 2, 3}, {.tau = double(support::not_a_number)});
  });
  check_error<tamp::value_error>("pixel_prune: there is no distance of number 3", [&] {
    (void)pixel_prune(patches, {1, 2, 3}, {.distance = pixel_distance(3)});
  });
  BOOST_TEST(pixel_prune(matrix<float>(0, 2), {0, 2, 3}).kept.empty());
}

BOOST_AUTO_TEST_SUITE_END()
