#include <tamp/allocate/block_influence.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string>
#include <tamp/execute/sequential.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/units.hpp"

BOOST_AUTO_TEST_SUITE(allocate_block_influence)

using support::matrix;
using tamp::allocate::block_influence;
using tamp::execute::sequential;
using tamp::stat::hidden_change;

namespace {

// One token turned by the angle whose cosine is given.
hidden_change turned(float cosine, float sine) {
  return hidden_change().add(sequential{}, matrix<float>{{2, 0}}, matrix<float>{{cosine, sine}});
}

using units_of_blocks = support::units<hidden_change>;

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Influences 1, 0 and 0.5: densities 0.5 +- 0.1, so that the half is right in the middle.
  const matrix<float> w(2, 3);
  const units_of_blocks units{{{"block 0", {{"a", w, turned(0, 1)}, {"b", w, turned(0, 1)}}},
                               {"block 1", {{"c", w, turned(7, 0)}, {"d", w, turned(7, 0)}}},
                               {"block 2", {{"e", w, turned(0, 1)}, {"f", w, turned(1, 0)}}}}};
  const auto answer = block_influence{0.5, 0.1}(sequential{}, units);
  BOOST_TEST(answer.sparsities[0] == 0.4, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[1] == 0.6, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[2] == 0.5, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.notes.empty());
}

BOOST_AUTO_TEST_CASE(the_mean_is_over_weights) {
  const std::vector<std::size_t> sizes{300, 100};
  const auto answer = block_influence{0.7, 0.1}.distribute(std::vector{0.1, 0.3}, sizes);
  BOOST_TEST(answer.sparsities[0] == 0.75, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[1] == 0.55, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(equal_influences_are_uniform_and_a_note_says_so) {
  const auto answer =
      block_influence{0.3}.distribute(std::vector{0.2, 0.2}, std::vector<std::size_t>{3, 4});
  BOOST_TEST(answer.sparsities == std::vector(2, 0.3), boost::test_tools::per_element());
  BOOST_TEST(answer.notes ==
                 std::vector<std::string>{"block_influence: the influence is the same everywhere, "
                                          "so that all units get the sparsity 0.3"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_block_that_saw_nothing_gets_the_mean_of_the_others) {
  const matrix<float> w(2, 3);
  const units_of_blocks units{{{"block 0", {{"a", w, turned(0, 1)}}},
                               {"block 1", {{"b", w, {}}}},
                               {"block 2", {{"c", w, turned(1, 0)}, {"d", w, {}}}}}};
  const auto answer = block_influence{0.5, 0.1}(sequential{}, units);
  const std::vector<std::size_t> sizes{6, 6, 12};
  BOOST_TEST(
      answer.sparsities ==
          (block_influence{0.5, 0.1}.distribute(std::vector{1.0, 0.5, 0.0}, sizes).sparsities),
      boost::test_tools::per_element());
  BOOST_TEST(answer.notes ==
                 (std::vector<std::string>{
                     "block_influence: d saw no token, and has no part in the influence of block 2",
                     "block_influence: no influence could be measured for block 1; the mean of the "
                     "other units stands in"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  const std::vector<std::size_t> sizes{1, 1};
  support::check_error<tamp::value_error>("a sparsity is a fraction in [0, 1], not 3", [&] {
    block_influence{3}.distribute(std::vector{0.1, 0.2}, sizes);
  });
  support::check_error<tamp::value_error>("block_influence: lambda lies in [0, 1], and is -1", [&] {
    block_influence{0.5, -1}.distribute(std::vector{0.1, 0.2}, sizes);
  });
  support::check_error<tamp::shape_error>(
      "block_influence: 3 values of the influence for 2 units",
      [&] { block_influence{}.distribute(std::vector{0.1, 0.2, 0.3}, sizes); });
}

BOOST_AUTO_TEST_CASE(it_is_a_policy) {
  static_assert(tamp::policy<block_influence, tamp::role::allocate>);
  static_assert(block_influence::unit == tamp::granularity::block);
  BOOST_TEST(tamp::label(block_influence{0.4}) == "block_influence 0.4 0.08");
  BOOST_TEST((block_influence{0.4} != block_influence{0.4, 0.1}));
}

BOOST_AUTO_TEST_SUITE_END()
