#include <tamp/token/detail/frames.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "../../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_frames)

using support::check_error;
using tamp::modality;
using tamp::detail::check_grids;
using tamp::detail::clips;
using tamp::token::context;
using tamp::token::grid;
using indices = std::vector<std::size_t>;
using enum tamp::modality;

namespace {

const std::vector<modality> kinds{text, video, video, video, video, text, image, image};

}  // namespace

BOOST_AUTO_TEST_CASE(clips_have_their_frames) {
  const std::vector<grid> grids{{2, 1, 2}, {1, 2, 1}};
  const auto all = clips({.kinds = kinds, .grids = grids});
  BOOST_TEST_REQUIRE(all.size() == 2u);
  BOOST_TEST(all[0].tokens == (indices{1, 2, 3, 4}), boost::test_tools::per_element());
  BOOST_TEST((all[0].grid == grids[0]));
  const auto second = all[0].frame(1);
  BOOST_TEST(indices(second.begin(), second.end()) == (indices{3, 4}),
             boost::test_tools::per_element());
  BOOST_TEST(all[1].frame(0).size() == 2u);
}

BOOST_AUTO_TEST_CASE(without_grids_an_image_is_a_frame) {
  const auto all = clips({.kinds = kinds});
  BOOST_TEST((all[0].grid == grid{1, 1, 4}));
  BOOST_TEST((all[1].grid == grid{1, 1, 2}));
  BOOST_TEST(clips({}).empty());
}

// Words between frames, as some models have them, do not part a video that the host names.
BOOST_AUTO_TEST_CASE(a_video_may_lie_in_pieces) {
  const std::vector<modality> in_pieces{text, video, video, text, video, video};
  const std::vector<std::uint32_t> images{0, 7, 7, 0, 7, 7};
  const grid g{2, 1, 2};
  const context c{.kinds = in_pieces, .images = images, .grids = {&g, 1}};
  BOOST_CHECK_NO_THROW(check_grids("reader", c));
  const auto all = clips(c);
  BOOST_TEST_REQUIRE(all.size() == 1u);
  BOOST_TEST(all[0].frame(1)[0] == 4u);
}

BOOST_AUTO_TEST_CASE(grids_of_other_images_are_refused) {
  const auto refuse = [](const char* sentence, std::vector<grid> grids) {
    check_error<tamp::shape_error>(
        sentence, [&] { check_grids("reader", {.kinds = kinds, .grids = grids}); });
  };
  refuse("reader: the grids are of 1 images, the context has 2", {{2, 1, 2}});
  refuse("reader: the grids are of 3 images, the context has 2", {{2, 1, 2}, {1, 1, 2}, {1, 1, 1}});
  refuse("reader: the grid of image 1 is of 1 x 3 x 1 tokens, the image of 2",
         {{2, 1, 2}, {1, 3, 1}});
  refuse("reader: the grid of image 0 is of 0 x 1 x 2 tokens, the image of 4",
         {{0, 1, 2}, {1, 2, 1}});
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  refuse("reader: 18446744073709551615 times 2 is too large to be counted",
         {{1, most, 2}, {1, 2, 1}});
  BOOST_CHECK_NO_THROW(check_grids("reader", {.kinds = kinds}));
  const std::span<const grid> nothing(static_cast<const grid*>(nullptr), 2);
  BOOST_CHECK_THROW(check_grids("reader", {.kinds = kinds, .grids = nothing}), tamp::shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
