#include <tamp/score/concepts.hpp>

#include <boost/test/unit_test.hpp>
#include <tamp/score/amia.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/ria.hpp>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/score/wanda.hpp>

BOOST_AUTO_TEST_SUITE(score_concepts)

using namespace tamp::score;

namespace {

struct without_role {
  float operator()(float weight) const { return weight; }
};
struct of_the_weight {
  using role = tamp::role::score;
  float operator()(float weight) const { return weight; }
};
struct of_the_weight_alone {
  using role = tamp::role::score;
  using needs = tamp::stat::column_norm;
  float operator()(float weight) const { return weight; }
};
struct empty {
  using role = tamp::role::score;
};

}  // namespace

BOOST_AUTO_TEST_CASE(each_score_of_the_library_has_one_of_the_three_forms) {
  static_assert(elementwise<magnitude> && elementwise<wanda> && elementwise<amia>);
  static_assert(row_wise<ria> && !elementwise<ria>);
  static_assert(repairing<sparsegpt> && !elementwise<sparsegpt> && !row_wise<sparsegpt>);
  BOOST_TEST(!row_wise<wanda>);
  BOOST_TEST(!repairing<wanda>);
}

BOOST_AUTO_TEST_CASE(a_score_takes_its_statistic_and_has_a_role) {
  BOOST_TEST(elementwise<of_the_weight>);
  BOOST_TEST(!elementwise<of_the_weight_alone>);
  BOOST_TEST(!elementwise<without_role>);
  BOOST_TEST(!elementwise<empty>);
  BOOST_TEST(!row_wise<empty>);
  BOOST_TEST(!repairing<empty>);
}

BOOST_AUTO_TEST_SUITE_END()
