#include <tamp/token/frame_quotas.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <numeric>
#include <random>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_frame_quotas)

using support::check_error;
using tamp::modality;
using tamp::token::context;
using tamp::token::frame_quotas;
using tamp::token::grid;
using counts = std::vector<std::size_t>;
using enum tamp::modality;

namespace {

// A video of three frames of four tokens and an image of two, with words around.
const std::vector<modality> kinds = [] {
  std::vector<modality> all(12, video);
  all.insert(all.begin(), text);
  all.insert(all.end(), {text, image, image});
  return all;
}();
const std::vector<grid> grids{{3, 2, 2}, {1, 1, 2}};
const context shown{.kinds = kinds, .grids = grids};

counts split(std::size_t keep, std::vector<double> weights = {}, std::size_t minimum = 0) {
  return frame_quotas(shown, keep, weights, minimum);
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  BOOST_TEST(split(7) == (counts{2, 2, 2, 1}), boost::test_tools::per_element());
  // 8 of 14: 2.29 each, and 1.14. Two are left for the largest remainders, the last of equals.
  BOOST_TEST(split(8) == (counts{2, 2, 3, 1}), boost::test_tools::per_element());
  BOOST_TEST(split(0) == (counts{0, 0, 0, 0}), boost::test_tools::per_element());
  BOOST_TEST(split(14) == (counts{4, 4, 4, 2}), boost::test_tools::per_element());
  BOOST_TEST(split(99) == (counts{4, 4, 4, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(weights_by_hand) {
  BOOST_TEST(split(6, {1, 2, 2, 1}) == (counts{1, 2, 2, 1}), boost::test_tools::per_element());
  // The image asks for 4 and has 2. The others share 6 of 8.
  BOOST_TEST(split(8, {1, 1, 2, 4}) == (counts{1, 2, 3, 2}), boost::test_tools::per_element());
  // A frame of weight zero gets tokens only when the others are full.
  BOOST_TEST(split(5, {0, 1, 0, 1}) == (counts{0, 3, 0, 2}), boost::test_tools::per_element());
  BOOST_TEST(split(9, {0, 1, 0, 1}) == (counts{1, 4, 2, 2}), boost::test_tools::per_element());
  BOOST_TEST(split(6, {0, 0, 0, 0}) == (counts{1, 1, 2, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_minimum_comes_first) {
  BOOST_TEST(split(8, {0, 0, 1, 0}, 1) == (counts{1, 1, 4, 2}), boost::test_tools::per_element());
  BOOST_TEST(split(11, {1, 0, 0, 0}, 3) == (counts{3, 3, 3, 2}), boost::test_tools::per_element());
  check_error<tamp::value_error>("frame_quotas: 4 frames of at least 3 tokens do not fit into 10",
                                 [] { split(10, {}, 3); });
}

BOOST_AUTO_TEST_CASE(totals_are_exact) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<double> weights;
    for (int f = 0; f < 4; ++f)
      weights.push_back(random() % 3 == 0 ? 0.0 : std::exp(double(random() % 1200) - 600));
    for (std::size_t keep = 0; keep <= 15; ++keep) {
      const counts made = split(keep, weights);
      BOOST_TEST(std::accumulate(made.begin(), made.end(), std::size_t{0}) ==
                 std::min<std::size_t>(keep, 14));
      for (std::size_t f = 0; f < 4; ++f) BOOST_TEST(made[f] <= (f == 3 ? 2u : 4u));
    }
  }
}

BOOST_AUTO_TEST_CASE(weights_that_cannot_be_used_are_refused) {
  check_error<tamp::shape_error>("frame_quotas: 2 weights, but 4 frames", [] { split(3, {1, 2}); });
  check_error<tamp::value_error>("frame_quotas: the weight of frame 1 is -1",
                                 [] { split(3, {1, -1, 1, 1}); });
  check_error<tamp::value_error>("frame_quotas: the weight of frame 2 is nan",
                                 [] { split(3, {1, 1, double(support::not_a_number), 1}); });
  const grid other{1, 1, 1};
  check_error<tamp::shape_error>("frame_quotas: the grids are of 1 images, the context has 2", [&] {
    (void)frame_quotas({.kinds = kinds, .grids = {&other, 1}}, 3);
  });
}

BOOST_AUTO_TEST_CASE(without_grids_images_are_frames) {
  BOOST_TEST(frame_quotas({.kinds = kinds}, 7) == (counts{6, 1}), boost::test_tools::per_element());
  BOOST_TEST(frame_quotas({}, 7).empty());
}

BOOST_AUTO_TEST_SUITE_END()
