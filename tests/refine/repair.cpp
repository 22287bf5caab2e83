#include <tamp/refine/repair.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/refinements.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(refine_repair)

using support::check_error;
using support::correlated;
using support::gram_of;
using support::matrix;
using support::without_smallest;
using tamp::compose;
using tamp::allocate::uniform;
using tamp::mask::bitmask;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::refine::repair;
using tamp::score::sparsegpt;
using tamp::stat::gram;

BOOST_AUTO_TEST_CASE(by_hand) {
  // As in tests/score/sparsegpt.cpp, H^-1 = 1/2 [[1, -1], [-1, 2]]: the second makes up for the
  // first, 3 + 1 = 4. Where the second is dropped, nothing to its right can make up for it.
  const matrix<float> x{{1, 1}, {1, 0}}, w{{1, 3}};
  bitmask first(1, 2), second(1, 2);
  first.set(0, 0, false);
  second.set(0, 1, false);
  const auto repaired = repair{.damping = 0}(w, first, gram_of(x));
  BOOST_TEST(repaired.keep == first);
  BOOST_TEST(repaired.weights()(0, 0) == 0.0);
  BOOST_TEST(repaired.weights()(0, 1) == 4.0, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(repaired.error.before == 2.0);                                      // 1 on both tokens
  BOOST_TEST(repaired.error.after == 1.0, boost::test_tools::tolerance(1e-12));  // on the second
  BOOST_TEST(repair{.damping = 0}(w, second, gram_of(x)).weights()(0, 0) == 1.0);
}

BOOST_AUTO_TEST_CASE(for_its_own_mask_it_is_sparsegpt) {
  const auto x = correlated(100, 40, 2), w = support::random_matrix(10, 40, 3);
  const gram g = gram_of(x);
  const auto check = [&](const auto& recipe) {
    const bitmask keep = tamp::select(w, g, recipe);
    matrix<double> expected = support::as<double>(w);
    tamp::prune(expected, g, recipe);
    const auto repaired = repair{.blocksize = 16}(w, keep, g);
    BOOST_TEST(repaired.keep == keep);
    for (std::size_t i = 0; i < 10; ++i)
      for (std::size_t j = 0; j < 40; ++j) BOOST_TEST(repaired.weights()(i, j) == expected(i, j));
  };
  check(compose(sparsegpt{.blocksize = 16}, per_row{}, uniform{0.5}));
  check(compose(sparsegpt{.blocksize = 16}, tamp::pattern::per_tensor{}, uniform{0.7}));
  check(compose(sparsegpt{.blocksize = 16}, n_of_m<2, 4>{}));
}

BOOST_AUTO_TEST_CASE(any_mask_loses_less) {
  const auto x = correlated(100, 40, 2), w = support::random_matrix(10, 40, 3);
  const gram g = gram_of(x);
  const bitmask keep = without_smallest(w);
  const auto repaired = repair{}(w, keep, g);
  BOOST_TEST(repaired.error.after < 0.7 * repaired.error.before);
  BOOST_TEST(repaired.error.before == tamp::refine::layer_error(w, keep, g));
  BOOST_TEST(repaired.error.after == tamp::refine::layer_error(w, repaired.weights(), g));
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t j = 0; j < 40; ++j) BOOST_TEST((repaired.weights()(i, j) != 0) == keep(i, j));
  const auto other = repair{.blocksize = 7}(w, keep, g);
  BOOST_TEST(other.error.after == repaired.error.after, boost::test_tools::tolerance(1e-12));
  for (const auto& exec : support::every_executor) {
    const auto same = repair{}(exec, w, keep, g);
    BOOST_TEST((same.repaired == repaired.repaired));
  }
}

BOOST_AUTO_TEST_CASE(zeros_that_are_there_come_back_unless_they_are_kept) {
  const auto x = correlated(100, 40, 2);
  auto w = support::random_matrix(10, 40, 3);
  tamp::apply(w, without_smallest(w));
  const gram g = gram_of(x);
  const bitmask all(10, 40),
      groups = tamp::select(w, compose(tamp::score::magnitude{}, n_of_m<2, 4>{}));
  const auto zeros_of = [&](const auto& repaired) {
    std::size_t come_back = 0;
    for (std::size_t i = 0; i < 10; ++i)
      for (std::size_t j = 0; j < 40; ++j)
        come_back += w(i, j) == 0 && repaired.weights()(i, j) != 0;
    return come_back;
  };
  BOOST_TEST(zeros_of(repair{}(w, groups, g)) > 0u);
  const auto kept = repair{.keeps_zeros = true}(w, groups, g);
  BOOST_TEST(zeros_of(kept) == 0u);
  BOOST_TEST((kept.keep & groups) == kept.keep);
  BOOST_TEST(zeros_of(repair{.keeps_zeros = true}(w, all, g)) == 0u);
}

BOOST_AUTO_TEST_CASE(dead_inputs_have_no_weights) {
  auto x = correlated(30, 6, 2);
  for (std::size_t t = 0; t < 30; ++t) x(t, 2) = 0;
  const auto w = support::random_matrix(3, 6, 3);
  const auto repaired = repair{}(w, bitmask(3, 6), gram_of(x));
  for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(repaired.weights()(i, 2) == 0.0);
  BOOST_TEST(repaired.error.after == 0.0);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_factored_is_damped_and_noted) {
  matrix<float> x(1, 3, 1.0f);  // one token: H has rank 1
  const auto repaired = repair{.damping = 0}(matrix<float>{{1, 2, 3}}, bitmask(1, 3), gram_of(x));
  BOOST_TEST(repaired.note == "damping raised from 0 to 1e-06");
}

BOOST_AUTO_TEST_CASE(empty_weights_need_no_repair) {
  const gram g = gram_of(correlated(9, 4, 1));
  BOOST_TEST(repair{}(matrix<float>(0, 4), bitmask(0, 4), g).keep.size() == 0u);
}

BOOST_AUTO_TEST_CASE(unusable_input_is_refused) {
  const auto w = support::random_matrix(2, 4, 1);
  const gram g = gram_of(correlated(9, 4, 2));
  check_error<tamp::shape_error>("repair: the mask is 2 x 3, the weight 2 x 4",
                                 [&] { repair{}(w, bitmask(2, 3), g); });
  check_error<tamp::shape_error>("repair: the weight has 4 columns, the statistics cover 5", [&] {
    repair{}(w, without_smallest(w), gram_of(correlated(9, 5, 2)));
  });
  check_error<tamp::value_error>("repair: the statistics have seen no activations",
                                 [&] { repair{}(w, without_smallest(w), gram()); });
  check_error<tamp::value_error>("repair: blocksize is 0, damping 0.01",
                                 [&] { repair{.blocksize = 0}(w, without_smallest(w), g); });
  auto broken = w;
  broken(1, 2) = support::infinity;
  check_error<tamp::value_error>("repair: the weight in row 1, column 2 is inf",
                                 [&] { repair{}(broken, without_smallest(w), g); });
}

BOOST_AUTO_TEST_SUITE_END()
