#include <tamp/prune/compose.hpp>

#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/wanda.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <type_traits>

BOOST_AUTO_TEST_SUITE(prune_compose)

using tamp::compose;
using tamp::allocate::uniform;
using tamp::pattern::n_of_m;
using tamp::pattern::per_row;
using tamp::pattern::per_tensor;
using tamp::score::magnitude;
using tamp::score::wanda;

namespace {

struct own_score {  // without a label or operator==
  using role = tamp::role::score;
  float power = 2;
  float operator()(float weight) const noexcept { return weight * power; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_order_of_the_policies_makes_no_difference) {
  const auto recipe = compose(wanda{}, uniform{0.3}, per_row{});
  BOOST_TEST((recipe == compose(wanda{}, per_row{}, uniform{0.3})));
  BOOST_TEST((recipe == compose(uniform{0.3}, wanda{}, per_row{})));
  BOOST_TEST((recipe == compose(uniform{0.3}, per_row{}, wanda{})));
  BOOST_TEST((recipe == compose(per_row{}, wanda{}, uniform{0.3})));
  BOOST_TEST((recipe == compose(per_row{}, uniform{0.3}, wanda{})));
  BOOST_TEST((compose(n_of_m<2, 4>{}, magnitude{}) == compose(magnitude{}, n_of_m<2, 4>{})));
}

BOOST_AUTO_TEST_CASE(a_recipe_holds_its_policies) {
  constexpr auto recipe = compose(uniform{0.3}, own_score{4}, per_tensor{});
  static_assert(recipe.score.power == 4);
  static_assert(recipe.allocate.sparsity == 0.3);
  static_assert(!decltype(recipe)::sparsity_is_fixed);
  static_assert(std::is_same_v<decltype(recipe)::score_policy, own_score>);
  static_assert(std::is_same_v<decltype(recipe)::pattern_policy, per_tensor>);
  static_assert(std::is_same_v<decltype(recipe)::allocate_policy, uniform>);
}

BOOST_AUTO_TEST_CASE(recipes_are_equal_if_their_policies_are) {
  BOOST_TEST(
      (compose(wanda{}, per_row{}, uniform{0.3}) != compose(wanda{}, per_row{}, uniform{0.4})));
}

BOOST_AUTO_TEST_CASE(a_recipe_at_another_sparsity_is_uniform) {
  constexpr auto recipe = compose(own_score{4}, per_row{}, uniform{0.3});
  static_assert(recipe.at(0.75).allocate.sparsity == 0.75);
  static_assert(recipe.at(0.75).score.power == 4);
  static_assert(recipe.allocate.sparsity == 0.3);
  constexpr auto fixed = compose(wanda{}, n_of_m<2, 4>{});
  static_assert(decltype(fixed)::sparsity_is_fixed);
  static_assert(fixed.at(0.75) == fixed);
}

BOOST_AUTO_TEST_CASE(a_recipe_has_a_label) {
  BOOST_TEST(compose(wanda{}, per_row{}, uniform{0.5}).label() == "wanda, uniform 0.5, per_row");
  BOOST_TEST(compose(n_of_m<4, 8>{}, magnitude{}).label() == "magnitude, 4:8");
  BOOST_TEST(compose(own_score{}, per_tensor{}, uniform{0}).label() ==
             "custom, uniform 0, per_tensor");
}

BOOST_AUTO_TEST_SUITE_END()
