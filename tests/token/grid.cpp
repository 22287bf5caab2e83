#include <tamp/token/grid.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <limits>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(token_grid)

using tamp::token::grid;

BOOST_AUTO_TEST_CASE(it_counts_places_and_tokens) {
  constexpr grid video{4, 2, 3};
  static_assert(video.places() == 6 && video.tokens() == 24);
  static_assert(grid{}.tokens() == 1);
  static_assert(grid{0, 2, 3}.tokens() == 0);
  static_assert(video == grid{.frames = 4, .height = 2, .width = 3} && video != grid{4, 3, 2});
}

BOOST_AUTO_TEST_CASE(tokens_that_cannot_be_counted_are_refused) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  const grid g{2, most / 2 + 1, 2};
  BOOST_CHECK_THROW((void)g.places(), tamp::shape_error);
  BOOST_CHECK_THROW((void)(grid{3, most / 2, 1}.tokens()), tamp::shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
