#include <tamp/token/detail/usual_tokens.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <vector>

#include "../../support/instructions.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_usual_tokens)

using support::matrix;
using indices = std::vector<std::size_t>;

BOOST_AUTO_TEST_CASE(channels_are_side_by_side) {
  for (const std::size_t cols : {1u, 5u, 63u, 64u, 65u, 200u}) {
    const matrix<float> rows = support::random_matrix(4, cols, unsigned(cols));
    for (const std::size_t step : {1u, 2u, 7u}) {
      indices channels;
      for (std::size_t j = 0; j < cols; j += step) channels.push_back(j);
      support::with_every_instructions([&] {
        support::in_every_layout(rows, [&](auto view) {
          tamp::detail::channels_of_rows read(view, channels);
          for (std::size_t t = 0; t < 4; ++t) {
            const float* const row = read(t);
            for (std::size_t k = 0; k < channels.size(); ++k)
              BOOST_TEST(row[k] == rows(t, channels[k]));
          }
        });
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(kernels_by_hand) {
  BOOST_TEST(tamp::detail::five_kernels(0) == 5.0);
  BOOST_TEST(tamp::detail::five_kernels(1) == std::exp(-4.0) + std::exp(-2.0) + std::exp(-1.0) +
                                                  std::exp(-0.5) + std::exp(-0.25),
             boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(frames_of_one_token_are_their_own_centre) {
  const matrix<float> rows{{3, 4, 900}, {4, 3, -900}};
  const tamp::detail::clip clip{{0, 1}, {2, 1, 1}};
  std::vector<double> in_video(2), in_frame(2);
  tamp::detail::add_usual("reader", tamp::view(rows), clip, in_video, in_frame);
  BOOST_TEST(in_frame == (std::vector<double>{5, 5}), boost::test_tools::per_element());
  BOOST_TEST(in_video == (std::vector<double>{5, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
