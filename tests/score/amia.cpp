#include <tamp/score/amia.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <tamp/allocate/uniform.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/prune/select.hpp>
#include <tamp/score/wanda.hpp>
#include <type_traits>
#include <vector>

#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(score_amia)

using tamp::score::amia;

BOOST_AUTO_TEST_CASE(by_hand) {
  BOOST_TEST(amia{}(-3.0f, 2.0f) == 6.0f);
  BOOST_TEST(amia{}(0.5, 4.0f) == 2.0);
  BOOST_TEST(amia{}(8.0f, 0.0f) == 0.0f);
}

BOOST_AUTO_TEST_CASE(it_hands_its_parameters_to_its_statistic) {
  const amia score{{.neighbours = 5, .tolerance = 0.2}};
  BOOST_TEST(score.statistic().label() == "column_norm by amia 5 1 0.2 1 0.2");
  BOOST_TEST(score.label() == "amia 5 1 0.2 1 0.2");
  BOOST_TEST(tamp::label(amia{}) == "amia");
  static_assert(tamp::policy<amia, tamp::role::score>);
}

BOOST_AUTO_TEST_CASE(it_is_wanda_on_the_norms_of_selected_tokens) {
  using matrix = support::matrix<float>;
  const auto x = support::random_matrix(50, 12, 1), y = support::random_matrix(50, 6, 2),
             w = support::random_matrix(6, 12, 3);
  const std::vector<float> attention(50, 0.02f);
  auto norms = amia{}.statistic();
  norms.add(tamp::layer_sample<matrix, matrix>{x, y, {}, attention});
  const auto recipe = [](auto score) {
    return tamp::compose(score, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  };
  BOOST_TEST((tamp::select(w, norms, recipe(amia{})) ==
              tamp::select(w, norms.values(), recipe(tamp::score::wanda{}))));
}

BOOST_AUTO_TEST_SUITE_END()
