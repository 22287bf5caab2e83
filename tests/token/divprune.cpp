#include <tamp/token/divprune.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_divprune)

using support::indices;
using support::matrix;
using tamp::modality;
using tamp::token::divprune;
using tamp::token::select;
using enum tamp::modality;

namespace {

double distance(const matrix<float>& h, std::size_t s, std::size_t t) {
  double product = 0, a = 0, b = 0;
  for (std::size_t j = 0; j < h.cols(); ++j) {
    product += double(h(s, j)) * double(h(t, j));
    a += double(h(s, j)) * double(h(s, j));
    b += double(h(t, j)) * double(h(t, j));
  }
  return 1 - product / std::sqrt(a * b);
}

// The docstring's rule, everything anew in each step.
indices by_definition(const support::scene& s, std::size_t count) {
  indices chosen;
  while (chosen.size() < count) {
    double farthest = -1;
    std::size_t next = 0;
    for (const std::size_t t : s.visual()) {
      if (std::find(chosen.begin(), chosen.end(), t) != chosen.end()) continue;
      double nearest = 3;
      for (const std::size_t other : chosen.empty() ? s.visual() : chosen)
        if (other != t) nearest = std::min(nearest, distance(s.hidden, t, other));
      if (nearest > farthest) {
        farthest = nearest;
        next = t;
      }
    }
    chosen.push_back(next);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

indices kept(const matrix<float>& hidden, std::size_t keep) {
  const std::vector<modality> kinds(hidden.rows(), image);
  return select({.kinds = kinds, .hidden = tamp::view(hidden)}, divprune{}, {keep}).kept;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Token 3 is at distance 1 from its nearest other, 2 at 0.9, and 0 and 1 are side by side. From 3
  // token 0 is farthest, at 2. Of 1 and 2, token 2 is at distance 1 from its nearest chosen one.
  const matrix<float> hidden{{1, 0}, {1, 0.1f}, {0, 1}, {-1, 0}};
  BOOST_TEST(kept(hidden, 1) == (indices{3}), boost::test_tools::per_element());
  BOOST_TEST(kept(hidden, 2) == (indices{0, 3}), boost::test_tools::per_element());
  BOOST_TEST(kept(hidden, 3) == (indices{0, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_first_of_equals_is_chosen) {
  BOOST_TEST(kept({{1, 0}, {0, 1}}, 1) == (indices{0}), boost::test_tools::per_element());
  // Tokens 1 and 2 are each other's nearest and farther than 0 and 3 are from each other. The
  // choice begins with 1, so that 3 follows, and not with 2, from which 0 is farthest.
  const matrix<float> pairs{{-4, 1}, {1, 3}, {3, 1}, {-4, -1}};
  BOOST_TEST(kept(pairs, 1) == (indices{1}), boost::test_tools::per_element());
  BOOST_TEST(kept(pairs, 2) == (indices{1, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_lowest_copies_fill_the_count) {
  // The published code answers 0, 2 and 0 again for three of these.
  const matrix<float> copies{{1, 0}, {1, 0}, {0, 1}, {0, 1}};
  BOOST_TEST(kept(copies, 1) == (indices{0}), boost::test_tools::per_element());
  BOOST_TEST(kept(copies, 2) == (indices{0, 2}), boost::test_tools::per_element());
  BOOST_TEST(kept(copies, 3) == (indices{0, 1, 2}), boost::test_tools::per_element());
}

// The distance of copies is 0, however their lengths round.
BOOST_AUTO_TEST_CASE(rounding_does_not_decide_between_copies) {
  matrix<float> copies = support::random_matrix(30, 7, 3);
  for (std::size_t t = 10; t < 30; ++t)
    for (std::size_t j = 0; j < 7; ++j) copies(t, j) = copies(t % 10, j);
  BOOST_TEST(kept(copies, 1) == (indices{0}), boost::test_tools::per_element());
  for (std::size_t count = 10; count < 30; ++count) {  // one of each, then the lowest
    indices lowest;
    for (std::size_t t = 0; t < count; ++t) lowest.push_back(t);
    BOOST_TEST(kept(copies, count) == lowest, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 8; ++seed) {
    const auto s = support::scene_of(support::around_image(2, 21, 3), seed, 5);
    for (const std::size_t keep : {1u, 2u, 5u, 20u})
      BOOST_TEST(support::visual_kept(s, select(s.context(), divprune{}, {keep})) ==
                     by_definition(s, keep),
                 boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(divprune{}, {.first_of_equals = true});
}

BOOST_AUTO_TEST_CASE(a_smaller_choice_is_part_of_a_larger_one) {
  const auto s = support::scene_of(support::around_image(2, 20, 3), 1);
  for (std::size_t keep = 0; keep < 20; ++keep) {
    const auto less = select(s.context(), divprune{}, {keep}).kept;
    const auto more = select(s.context(), divprune{}, {keep + 1}).kept;
    BOOST_TEST(std::includes(more.begin(), more.end(), less.begin(), less.end()));
  }
}

BOOST_AUTO_TEST_CASE(the_length_of_hidden_states_makes_no_difference) {
  auto s = support::scene_of(support::around_image(2, 20, 3), 2);
  const auto expected = select(s.context(), divprune{}, {7});
  for (std::size_t j = 0; j < s.hidden.cols(); ++j) {
    s.hidden(5, j) *= 64;
    s.hidden(9, j) *= 0.125f;
  }
  BOOST_TEST((select(s.context(), divprune{}, {7}) == expected));
}

BOOST_AUTO_TEST_CASE(a_copy_of_a_chosen_token_is_chosen_last) {
  auto s = support::scene_of(support::around_image(0, 12, 1), 3);
  for (std::size_t j = 0; j < s.hidden.cols(); ++j) s.hidden(2, j) = s.hidden(8, j);
  const auto made = select(s.context(), divprune{}, {11}).kept;
  BOOST_TEST(std::count(made.begin(), made.end(), 2u) == 1);
  BOOST_TEST(std::count(made.begin(), made.end(), 8u) == 0);  // the higher index is dropped
}

BOOST_AUTO_TEST_CASE(a_token_of_length_zero_is_at_distance_1_from_all) {
  const matrix<float> hidden{{1, 0}, {0, 0}, {1, 0.01f}, {1, -0.01f}};
  BOOST_TEST(kept(hidden, 1) == (indices{1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
