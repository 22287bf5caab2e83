#include <tamp/token/evs.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_evs)

using support::check_error;
using support::indices;
using support::matrix;
using tamp::modality;
using tamp::token::evs;
using tamp::token::grid;
using tamp::token::select;
using enum tamp::modality;

namespace {

indices kept(const matrix<float>& hidden, const grid& g, std::size_t keep) {
  const std::vector<modality> kinds(hidden.rows(), video);
  return select({.kinds = kinds, .hidden = tamp::view(hidden), .grids = {&g, 1}}, evs{}, {keep})
      .kept;
}

// The docstring's rule by sorting, for one video.
indices by_definition(const support::scene& s, std::size_t count) {
  const indices tokens = s.visual();
  const std::size_t places = s.grids.front().places();
  std::vector<std::pair<double, std::size_t>> order;  // minus the change: the lower index first
  for (std::size_t k = 0; k < tokens.size(); ++k) {
    double xy = 0, xx = 0, yy = 0;
    for (std::size_t j = 0; j < s.hidden.cols() && k >= places; ++j) {
      const double x = double(s.hidden(tokens[k], j)), y = double(s.hidden(tokens[k - places], j));
      xy += x * y;
      xx += x * x;
      yy += y * y;
    }
    order.emplace_back(k < places ? -9 : xy / std::sqrt(xx * yy) - 1, tokens[k]);
  }
  std::sort(order.begin(), order.end());
  indices chosen;
  for (std::size_t k = 0; k < count; ++k) chosen.push_back(order[k].second);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Three frames of two places. Of the first place, token 2 is turned by 90 degrees, and 4 is as 2
  // but longer. Of the second, 3 is turned by 45 degrees, and 5 the other way round.
  const matrix<float> hidden{{1, 0}, {0, 1}, {0, 2}, {1, 1}, {0, 3}, {-1, -1}};
  const grid g{3, 1, 2};
  BOOST_TEST(kept(hidden, g, 1) == (indices{0}), boost::test_tools::per_element());
  BOOST_TEST(kept(hidden, g, 2) == (indices{0, 1}), boost::test_tools::per_element());
  BOOST_TEST(kept(hidden, g, 3) == (indices{0, 1, 5}), boost::test_tools::per_element());
  BOOST_TEST(kept(hidden, g, 4) == (indices{0, 1, 2, 5}), boost::test_tools::per_element());
  BOOST_TEST(kept(hidden, g, 5) == (indices{0, 1, 2, 3, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_still_scene_keeps_its_earliest_tokens) {
  support::with_every_instructions([] {
    for (const std::size_t cols : {1u, 7u, 16u, 100u}) {
      const matrix<float> frame = support::random_matrix(6, cols, unsigned(cols));
      matrix<float> still(30, cols);
      for (std::size_t t = 0; t < 30; ++t)
        for (std::size_t j = 0; j < cols; ++j) still(t, j) = frame(t % 6, j);
      for (std::size_t keep = 0; keep <= 30; ++keep) {
        indices first(keep);
        std::iota(first.begin(), first.end(), std::size_t{0});
        BOOST_TEST(kept(still, {5, 2, 3}, keep) == first, boost::test_tools::per_element());
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(a_token_of_length_zero_changes_by_1) {
  // Token 1 has length zero, and so 2 changes by 1, as 3 does, which is turned by 90 degrees.
  const matrix<float> hidden{{1, 0}, {0, 0}, {1, 0}, {0, 1}, {1, 1}};
  const std::vector<modality> kinds(5, video);
  const grid g{5, 1, 1};
  const auto change =
      evs::changes({.kinds = kinds, .hidden = tamp::view(hidden), .grids = {&g, 1}});
  BOOST_TEST((change[0] == std::numeric_limits<double>::infinity()));
  BOOST_TEST(change[1] == 1.0);
  BOOST_TEST(change[2] == 1.0);
  BOOST_TEST(change[3] == 1.0);
  BOOST_TEST(change[4] == 1 - 1 / std::sqrt(2.0));
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 8; ++seed) {
    const auto s = support::scene_of(support::around_image(2, 21 + 4 * seed, 3), seed, 5 + seed);
    for (const std::size_t keep : {1u, 2u, 9u, 20u})
      BOOST_TEST(
          support::visual_kept(s, select(s.context(), evs{}, {keep})) == by_definition(s, keep),
          boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(many_places_are_read_in_parts) {
  // Rows of 70,000 numbers, three at a time.
  const std::size_t cols = 70000;
  matrix<float> hidden(10, cols);
  for (std::size_t t = 0; t < 10; ++t)
    for (std::size_t j = 0; j < cols; ++j)
      hidden(t, j) = t == 7 && j < cols / 2 ? -1.0f : float(1 + t % 5);
  BOOST_TEST(kept(hidden, {2, 1, 5}, 6) == (indices{0, 1, 2, 3, 4, 7}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(videos_compete_and_an_image_is_a_first_frame) {
  std::vector<modality> kinds{video, video, video, video, text, image, image, text, video, video};
  const matrix<float> hidden{{1, 0}, {0, 1}, {1, 0}, {1, 0}, {0, 0},
                             {1, 1}, {1, 1}, {0, 0}, {1, 0}, {1, 1}};
  const std::vector<grid> grids{{2, 1, 2}, {1, 2, 1}, {2, 1, 1}};
  const tamp::token::context c{.kinds = kinds, .hidden = tamp::view(hidden), .grids = grids};
  // First frames: 0, 1, 5, 6 and 8. Then 3 changes by 1, 9 by 0.3 and 2 not at all.
  BOOST_TEST(select(c, evs{}, {5}).kept == (indices{0, 1, 4, 5, 6, 7, 8}),
             boost::test_tools::per_element());
  BOOST_TEST(select(c, evs{}, {6}).kept == (indices{0, 1, 3, 4, 5, 6, 7, 8}),
             boost::test_tools::per_element());
  BOOST_TEST(select(c, evs{}, {7}).kept == (indices{0, 1, 3, 4, 5, 6, 7, 8, 9}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_published_count_is_at_least_a_frame) {
  BOOST_TEST(evs::published_count({10, 10, 10}, 0.9) == 100u);
  BOOST_TEST(evs::published_count({100, 2, 5}, 0.9) == 99u);  // 1 - 0.9 is less than 0.1
  BOOST_TEST(evs::published_count({4, 3, 3}, 0) == 36u);
  BOOST_TEST(evs::published_count({4, 3, 3}, 1) == 9u);
  check_error<tamp::value_error>("evs: the fraction pruned lies in [0, 1], and is 1.5",
                                 [] { evs::published_count({1, 1, 1}, 1.5); });
  check_error<tamp::value_error>("evs: the fraction pruned lies in [0, 1], and is nan", [] {
    evs::published_count({1, 1, 1}, double(support::not_a_number));
  });
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(evs{}, {.order_matters = true, .first_of_equals = true});
}

BOOST_AUTO_TEST_CASE(a_smaller_choice_is_part_of_a_larger_one) {
  const auto s = support::scene_of(support::around_image(2, 20, 3), 1);
  for (std::size_t keep = 0; keep < 20; ++keep) {
    const auto less = select(s.context(), evs{}, {keep}).kept;
    const auto more = select(s.context(), evs{}, {keep + 1}).kept;
    BOOST_TEST(std::includes(more.begin(), more.end(), less.begin(), less.end()));
  }
}

BOOST_AUTO_TEST_SUITE_END()
