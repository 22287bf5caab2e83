#include <tamp/pattern/detail/group_order.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <tamp/execute/sequential.hpp>
#include <vector>

#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(pattern_detail_group_order)

using support::matrix;
using tamp::detail::group_order;
using indices = std::vector<std::size_t>;

namespace {

group_order groups_of(const matrix<float>& scores, std::size_t kept, std::size_t group) {
  return {"test", {scores.data(), scores.rows(), scores.cols()}, kept, group};
}

}  // namespace

BOOST_AUTO_TEST_CASE(retained_scores) {
  const matrix<float> scores{{4, 1, 3, 2}, {1, 2, 3, 4}};
  BOOST_TEST(groups_of(scores, 2, 4).retained(indices{0, 1, 2, 3}) == 14);
  BOOST_TEST(groups_of(scores, 1, 2).retained(indices{0, 1, 2, 3}) == 4 + 3 + 2 + 4);
  BOOST_TEST(groups_of(scores, 1, 2).retained(indices{0, 2, 1, 3}) == 4 + 2 + 3 + 4);
}

BOOST_AUTO_TEST_CASE(columns_are_dealt_out_in_turns_of_alternating_direction) {
  const matrix<float> scores{{1, 2, 3, 4, 5, 6, 7, 8}};
  BOOST_TEST(groups_of(scores, 2, 4).dealt_out() == (indices{0, 3, 4, 7, 1, 2, 5, 6}),
             boost::test_tools::per_element());
  BOOST_TEST(
      groups_of(matrix<float>{{1, 1, 1, 1, 9}}, 1, 2).dealt_out() == (indices{0, 3, 1, 2, 4}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_reassignment_is_the_best_for_each_place_in_turn) {
  // Against trying all assignments of the columns at one place after another.
  for (unsigned seed = 0; seed < 5; ++seed) {
    auto scores = support::random_matrix(7, 12, seed);
    for (std::size_t k = 0; k < 7 * 12; ++k) scores.data()[k] = std::abs(scores.data()[k]);
    const auto groups = groups_of(scores, 2, 4);
    indices order = groups.identity(), wanted = order;
    for (std::size_t place = 0; place < 4; ++place) {
      std::vector<std::size_t> from{0, 1, 2};
      const indices before = wanted;
      double most = groups.retained(wanted);
      do {
        indices tried = before;
        for (std::size_t g = 0; g < 3; ++g) tried[g * 4 + place] = before[from[g] * 4 + place];
        if (groups.retained(tried) > most) {
          most = groups.retained(tried);
          wanted = tried;
        }
      } while (std::next_permutation(from.begin(), from.end()));
    }
    groups.reassign(tamp::execute::sequential{}, order);
    BOOST_TEST(order == wanted, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_SUITE_END()
