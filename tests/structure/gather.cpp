#include <tamp/structure/gather.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <tamp/structure/transformer_ties.hpp>
#include <tamp/tensor/any_view.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(structure_gather)

using namespace tamp::structure;
using places = std::vector<std::size_t>;
using support::matrix;

BOOST_AUTO_TEST_CASE(what_stays_of_each_weight) {
  const ties all{{neurons("mlp", {"gate", "up", "down"}, 3),
                  key_value_heads("attention", {"q", "k", "v", "o"}, {4, 2, 2}),
                  layers("model", {{"x"}, {"y"}})}};
  const unit_plan plan{
      "",
      {{"mlp", "neurons", 3, {0, 2}}, {"attention", "heads", 2, {1}}, {"model", "layers", 2, {1}}},
      {}};
  BOOST_TEST((kept_of(all, plan, "gate", {3, 5}) == kept_part{false, {0, 2}, {0, 1, 2, 3, 4}}));
  BOOST_TEST((kept_of(all, plan, "down", {2, 3}) == kept_part{false, {0, 1}, {0, 2}}));
  BOOST_TEST((kept_of(all, plan, "q", {8, 1}) == kept_part{false, {4, 5, 6, 7}, {0}}));
  BOOST_TEST((kept_of(all, plan, "k", {4, 1}) == kept_part{false, {2, 3}, {0}}));
  BOOST_TEST((kept_of(all, plan, "o", {1, 8}) == kept_part{false, {0}, {4, 5, 6, 7}}));
  BOOST_TEST((kept_of(all, plan, "norm", {1, 2}) == kept_part{false, {0}, {0, 1}}));
  BOOST_TEST(kept_of(all, plan, "x", {1, 1}).leaves);
  BOOST_TEST(!kept_of(all, plan, "y", {1, 1}).leaves);
  support::check_error<tamp::shape_error>(
      "kept_of: the units of mlp do not fit into the 2 rows of gate",
      [&] { kept_of(all, plan, "gate", {2, 5}); });
}

BOOST_AUTO_TEST_CASE(two_groups_may_take_rows_and_columns_of_one_weight) {
  const ties all{
      {{"a", "neurons", 3, {{"w", axis::rows}}}, {"b", "hidden", 4, {{"w", axis::cols}}}}};
  const unit_plan plan{"", {{"a", "neurons", 3, {1}}, {"b", "hidden", 4, {0, 3}}}, {}};
  BOOST_TEST((kept_of(all, plan, "w", {3, 4}) == kept_part{false, {1}, {0, 3}}));
}

BOOST_AUTO_TEST_CASE(smaller_tensors_hold_the_same_bits) {
  const matrix<float> w = support::random_matrix(7, 9, 1);
  const kept_part kept{false, {0, 3, 6}, {1, 2, 8}};
  matrix<float> expected(3, 3);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) expected(i, j) = w(kept.rows[i], kept.cols[j]);
  support::in_every_layout(w, [&](const auto& m) {
    matrix<float> out(3, 3);
    gather(m, kept, out);
    BOOST_TEST((out == expected));
    out = matrix<float>(3, 3);
    gather(tamp::any_view(m), kept, tamp::any_view(tamp::view(out)));
    BOOST_TEST((out == expected));
    const auto owned = gathered(m, kept);
    BOOST_TEST((support::copy_of(owned.view()) == expected));
  });
  matrix<float> out(3, 3);
  gather(support::readable_rows{w}, kept, out);
  BOOST_TEST((out == expected));
  matrix<tamp::bf16> half(3, 3);
  gather(w, kept, half);
  BOOST_TEST((half == support::as<tamp::bf16>(expected)));
}

BOOST_AUTO_TEST_CASE(numbers_of_one_type_are_moved_without_arithmetic) {
  matrix<float> w{{1, 2}, {NAN, -0.0f}};
  matrix<float> out(1, 2);
  gather(w, kept_part{false, {1}, {0, 1}}, out);
  BOOST_TEST(std::isnan(out(0, 0)));
  BOOST_TEST(std::signbit(out(0, 1)));
}

BOOST_AUTO_TEST_CASE(in_place_the_leading_dimension_stays) {
  matrix<float> w{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}};
  const auto rest = compact(w, kept_part{false, {1, 2}, {0, 3}});
  BOOST_TEST(rest.rows() == 2u);
  BOOST_TEST(rest.row_stride() == 4);
  BOOST_TEST((support::copy_of(rest) == matrix<float>{{5, 8}, {9, 12}}));
  const matrix<float> numbers = support::random_matrix(6, 5, 2);
  const kept_part kept{false, {1, 2, 5}, {0, 2, 4}};
  const auto expected = gathered(numbers, kept);
  support::in_every_layout(numbers, [&](const auto& m) {
    const auto part = compact(m, kept);
    BOOST_TEST((support::copy_of(part) == support::copy_of(expected.view())));
  });
}

BOOST_AUTO_TEST_CASE(nothing_may_stay) {
  const matrix<float> w(3, 2);
  BOOST_TEST(gathered(w, kept_part{false, {}, {0, 1}}).rows() == 0u);
  BOOST_TEST(gathered(w, kept_part{false, {0}, {}}).cols() == 0u);
}

BOOST_AUTO_TEST_CASE(a_single_row_may_have_any_stride) {
  std::vector<float> w{1, 2, 3};
  const auto left =
      compact(tamp::matrix_view<float>(w.data(), 1, 3, 0, 1), kept_part{false, {0}, {0, 2}});
  BOOST_TEST(left(0, 1) == 3);
}

BOOST_AUTO_TEST_CASE(groups_of_any_number_of_units_that_do_not_fit_are_refused) {
  const std::size_t many = std::size_t{1} << 62;
  const ties all{{{"a", "neurons", many, {{"w", axis::rows}}}}};
  const unit_plan plan{"", {{"a", "neurons", many, {0}}}, {}};
  support::check_error<tamp::shape_error>(
      "kept_of: the units of a do not fit into the 3 rows of w",
      [&] { static_cast<void>(kept_of(all, plan, "w", {3, 2})); });
  BOOST_TEST((kept_of(all, plan, "another", {1, 1}) == kept_part{false, {0}, {0}}));
}

BOOST_AUTO_TEST_CASE(a_weight_in_memory_has_a_shape_that_memory_can_hold) {
  const auto minus_one = static_cast<std::size_t>(-1);
  BOOST_CHECK_THROW(dense<float>(minus_one, 0), tamp::shape_error);
  BOOST_CHECK_THROW(dense<float>(0, minus_one), tamp::shape_error);
  BOOST_CHECK_THROW(dense<float>(minus_one, minus_one), tamp::shape_error);
  BOOST_TEST(dense<float>(0, 5).view().cols() == 5u);
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  matrix<float> w(3, 2), out(1, 1);
  support::check_error<tamp::shape_error>(
      "gather: the elements (0, 0) and (1, 0) of the output share their memory: its strides are 0 "
      "and 1",
      [&] {
        gather(w, kept_part{false, {0, 2}, {0}}, tamp::matrix_view<float>(out.data(), 2, 1, 0, 1));
      });
  support::check_error<tamp::shape_error>(
      "gather: row 3 cannot stay in place 0: what stays ascends, and is below 3",
      [&] { gather(w, kept_part{false, {3}, {0}}, out); });
  support::check_error<tamp::shape_error>(
      "compact: column 0 cannot stay in place 1: what stays ascends, and is below 2",
      [&] { static_cast<void>(compact(w, kept_part{false, {0}, {1, 0}})); });
  support::check_error<tamp::shape_error>("gather: the tensor for 2 x 1 weights is 1 x 1",
                                          [&] { gather(w, kept_part{false, {0, 1}, {0}}, out); });
  support::check_error<tamp::shape_error>(
      "compact: the elements (0, 0) and (1, 0) of the weight share their memory: its strides are 0 "
      "and 1",
      [&] {
        static_cast<void>(
            compact(tamp::matrix_view<float>(w.data(), 3, 2, 0, 1), kept_part{false, {0}, {0}}));
      });
  support::check_error<tamp::shape_error>(
      "compact: the elements (0, 1) and (1, 0) of the weight share their memory: its strides are 1 "
      "and 1",
      [&] {
        static_cast<void>(
            compact(tamp::matrix_view<float>(w.data(), 3, 2, 1, 1), kept_part{false, {0}, {0}}));
      });
}

BOOST_AUTO_TEST_SUITE_END()
