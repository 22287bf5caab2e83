#include <tamp/token/vidcom2.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_vidcom2)

using support::check_error;
using support::indices;
using support::matrix;
using tamp::modality;
using tamp::token::grid;
using tamp::token::select;
using tamp::token::vidcom2;
using enum tamp::modality;

namespace {

struct video_of {
  matrix<float> hidden;
  grid g;
  std::vector<modality> kinds;

  video_of(matrix<float> rows, const grid& of)
      : hidden(std::move(rows)), g(of), kinds(hidden.rows(), video) {}
  tamp::token::context context() const {
    return {.kinds = kinds, .hidden = tamp::view(hidden), .grids = {&g, 1}};
  }
};

double kernel(double squared) {
  double sum = 0;
  for (int k = -3; k <= 1; ++k) sum += std::exp(-squared / (2 * std::pow(2.0, k)));
  return sum;
}

// The docstring's scores, of one video.
vidcom2::usual scores_by_definition(const video_of& v) {
  const std::size_t n = v.hidden.rows(), cols = v.hidden.cols(), places = v.g.places();
  std::vector<std::pair<double, std::size_t>> variance;
  for (std::size_t j = 0; j < cols; ++j) {
    double mean = 0, squares = 0;
    for (std::size_t t = 0; t < n; ++t) mean += double(v.hidden(t, j)) / double(n);
    for (std::size_t t = 0; t < n; ++t) squares += std::pow(double(v.hidden(t, j)) - mean, 2);
    variance.emplace_back(squares, cols - j);  // the higher of equals comes first
  }
  std::sort(variance.begin(), variance.end());
  variance.resize(std::max<std::size_t>(1, cols / 2));
  matrix<double> x(n, variance.size()), mean(v.g.frames + 1, variance.size());
  for (std::size_t t = 0; t < n; ++t) {
    double squares = 0;
    for (std::size_t k = 0; k < x.cols(); ++k) {
      x(t, k) = double(v.hidden(t, cols - variance[k].second));
      squares += x(t, k) * x(t, k);
    }
    for (std::size_t k = 0; k < x.cols(); ++k) {
      if (squares != 0) x(t, k) /= std::sqrt(squares);
      mean(t / places, k) += x(t, k) / double(places);
      mean(v.g.frames, k) += x(t, k) / double(n);
    }
  }
  vidcom2::usual all;
  for (std::size_t t = 0; t < n; ++t) {
    double in_video = 0, in_frame = 0;
    for (std::size_t k = 0; k < x.cols(); ++k) {
      in_video += std::pow(x(t, k) - mean(v.g.frames, k), 2);
      in_frame += std::pow(x(t, k) - mean(t / places, k), 2);
    }
    all.in_video.push_back(kernel(in_video));
    all.in_frame.push_back(kernel(in_frame));
  }
  return all;
}

indices kept(const video_of& v, double ratio, std::size_t keep) {
  return select(v.context(), vidcom2{ratio}, {keep}).kept;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Channel 1 has no variance and is the half that is kept. Unit vectors of it are all 1 but for
  // token 3, which is -1: the least usual of its frame and of the video.
  const video_of v({{5, 2}, {1, 2}, {4, 2}, {9, -2}, {3, 2}, {8, 2}}, {3, 1, 2});
  const auto usual = vidcom2::scores(v.context());
  const double mean = 4.0 / 6;
  BOOST_TEST(usual.in_video[0] == kernel((1 - mean) * (1 - mean)),
             boost::test_tools::tolerance(1e-14));
  BOOST_TEST(usual.in_video[3] == kernel((1 + mean) * (1 + mean)),
             boost::test_tools::tolerance(1e-14));
  BOOST_TEST(usual.in_frame[0] == 5.0);
  BOOST_TEST(usual.in_frame[2] == kernel(1), boost::test_tools::tolerance(1e-14));
  BOOST_TEST(kept(v, 0.5, 1) == (indices{3}), boost::test_tools::per_element());
  // Frames ask for 1, 2 and 1: the second stands out. Of equals the lower index goes.
  const auto asked = vidcom2{.ratio = 0.5}.frame_counts(v.context());
  BOOST_TEST(asked == (indices{1, 2, 1}), boost::test_tools::per_element());
  BOOST_TEST(kept(v, 0.5, 4) == (indices{1, 2, 3, 5}), boost::test_tools::per_element());
  // Of too many the most usual go, and that leaves frames with none.
  BOOST_TEST(kept(v, 0.5, 2) == (indices{2, 3}), boost::test_tools::per_element());
  // For too few the least usual of the others come back, the lower index last.
  BOOST_TEST(kept(v, 0.5, 5) == (indices{1, 2, 3, 4, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(scores_are_their_definition) {
  for (const grid g : {grid{4, 2, 3}, {1, 5, 5}, {7, 1, 1}, {2, 1, 8}})
    for (const std::size_t cols : {1u, 2u, 5u, 40u, 131u}) {
      video_of v(support::random_matrix(g.tokens(), cols, unsigned(cols)), g);
      for (std::size_t j = 0; j < cols; ++j) v.hidden(g.tokens() / 2, j) = 0;
      const auto expected = scores_by_definition(v);
      std::vector<vidcom2::usual> found;
      support::with_every_instructions([&] { found.push_back(vidcom2::scores(v.context())); });
      for (const auto& usual : found)
        for (std::size_t t = 0; t < g.tokens(); ++t) {
          BOOST_TEST(usual.in_video[t] == expected.in_video[t],
                     boost::test_tools::tolerance(1e-12));
          BOOST_TEST(usual.in_frame[t] == expected.in_frame[t],
                     boost::test_tools::tolerance(1e-12));
          BOOST_TEST(usual.in_video[t] == found[0].in_video[t]);
          BOOST_TEST(usual.in_frame[t] == found[0].in_frame[t]);
        }
    }
}

// Of channels of equal variance the higher ones are kept.
BOOST_AUTO_TEST_CASE(channels_of_equal_variance_are_told_apart) {
  matrix<float> hidden = support::random_matrix(12, 6, 3);
  for (std::size_t t = 0; t < 12; ++t) {
    hidden(t, 1) = -hidden(t, 0);  // as 0
    hidden(t, 5) = hidden(t, 0);   // as 0
    hidden(t, 2) = 100 * hidden(t, 2);
    hidden(t, 3) = 7;      // no variance
    hidden(t, 4) = -0.1f;  // no variance
  }
  const video_of v(hidden, {3, 2, 2});
  matrix<float> of_three(12, 6);  // what is kept, and what is not, with more variance
  for (std::size_t t = 0; t < 12; ++t)
    for (std::size_t j = 0; j < 6; ++j)
      of_three(t, j) = j >= 3 ? hidden(t, j) : 1000 * hidden(t, 2) * float(j + 1);
  const auto expected = vidcom2::scores(video_of(of_three, {3, 2, 2}).context());
  const auto found = vidcom2::scores(v.context());
  BOOST_TEST(found.in_video == expected.in_video, boost::test_tools::per_element());
  BOOST_TEST(found.in_frame == expected.in_frame, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_still_scene_keeps_the_same_places_of_each_frame) {
  const matrix<float> frame = support::random_matrix(10, 8, 5);
  matrix<float> still(40, 8);
  for (std::size_t t = 0; t < 40; ++t)
    for (std::size_t j = 0; j < 8; ++j) still(t, j) = frame(t % 10, j);
  const video_of v(still, {4, 2, 5});
  for (const double ratio : {0.2, 0.25, 0.5}) {
    // Frames ask for the same number, 2.5 among them, which is rounded to 2.
    const std::size_t each = ratio == 0.5 ? 5 : 2;
    BOOST_TEST(vidcom2{ratio}.frame_counts(v.context()) == indices(4, each),
               boost::test_tools::per_element());
    const indices stay = kept(v, ratio, 4 * each);
    for (std::size_t k = 0; k < stay.size(); ++k)
      BOOST_TEST(stay[k] == stay[k % each] + 10 * (k / each));
  }
}

BOOST_AUTO_TEST_CASE(a_ratio_of_zero_is_that_of_the_count) {
  const video_of v(support::random_matrix(48, 9, 2), {4, 3, 4});
  for (const std::size_t keep : {4u, 12u, 24u, 47u})
    BOOST_TEST(kept(v, 0, keep) == kept(v, double(keep) / 48, keep),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_video_is_by_itself_until_the_total_is_made_exact) {
  // The same video twice, with a word between: the same is asked for.
  const matrix<float> one = support::random_matrix(12, 6, 8);
  matrix<float> two(25, 6);
  for (std::size_t t = 0; t < 12; ++t)
    for (std::size_t j = 0; j < 6; ++j) two(t, j) = two(t + 13, j) = one(t, j);
  std::vector<modality> kinds(25, video);
  kinds[12] = text;
  const std::vector<grid> grids(2, grid{3, 2, 2});
  const tamp::token::context c{.kinds = kinds, .hidden = tamp::view(two), .grids = grids};
  const auto alone = vidcom2{0.4}.frame_counts(video_of(one, {3, 2, 2}).context());
  auto both = alone;
  both.insert(both.end(), alone.begin(), alone.end());
  BOOST_TEST(vidcom2{0.4}.frame_counts(c) == both, boost::test_tools::per_element());
  const std::size_t each = std::accumulate(alone.begin(), alone.end(), std::size_t{0});
  const indices first = kept(video_of(one, {3, 2, 2}), 0.4, each);
  indices expected = first;
  expected.push_back(12);
  for (const std::size_t t : first) expected.push_back(t + 13);
  BOOST_TEST(select(c, vidcom2{0.4}, {2 * each}).kept == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_published_count_is_at_least_one_token_a_frame) {
  BOOST_TEST(vidcom2::published_count({10, 2, 5}, 0.29) == 28u);  // in double: 28.999...
  BOOST_TEST(vidcom2::published_count({10, 2, 5}, 0.05) == 10u);
  BOOST_TEST(vidcom2::published_count({10, 2, 5}, 1) == 100u);
  check_error<tamp::value_error>("vidcom2: the ratio lies in [0, 1], and is -1",
                                 [] { vidcom2::published_count({1, 1, 1}, -1); });
}

BOOST_AUTO_TEST_CASE(ratios_that_are_none_are_refused) {
  const video_of v(support::random_matrix(8, 4, 1), {2, 2, 2});
  check_error<tamp::value_error>("vidcom2: the ratio lies in [0, 1], and is 2",
                                 [&] { kept(v, 2, 3); });
  check_error<tamp::value_error>("vidcom2: the ratio lies in [0, 1], and is nan",
                                 [&] { kept(v, double(support::not_a_number), 3); });
  check_error<tamp::value_error>("vidcom2: frames ask for a ratio above 0",
                                 [&] { (void)vidcom2{}.frame_counts(v.context()); });
  check_error<tamp::value_error>(
      "vidcom2 0.5 reads hidden states and the grid of frames, which the context does not show",
      [&] { (void)vidcom2{0.5}.frame_counts({.kinds = v.kinds}); });
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(vidcom2{}, {.order_matters = true});
  support::check_selector(vidcom2{.ratio = 0.3}, {.order_matters = true});
}

BOOST_AUTO_TEST_SUITE_END()
