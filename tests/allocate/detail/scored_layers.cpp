#include <tamp/allocate/detail/scored_layers.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <tamp/execute/sequential.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/wanda.hpp>
#include <tamp/stat/column_norm.hpp>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/units.hpp"

BOOST_AUTO_TEST_SUITE(allocate_detail_scored_layers)

using support::matrix;
using tamp::stat::column_norm;

namespace {

// Each layer's name with its scores, or "unseen".
template <class Score, class Units>
std::string listed(const Units& units, const Score& score) {
  std::string text;
  tamp::detail::for_each_scored_layer(
      tamp::execute::sequential{}, "test", units, 0, score,
      [&](std::string_view layer) { text += std::string(layer) + " unseen;"; },
      [&](std::string_view layer, const auto& scored) {
        text += std::string(layer);
        scored.for_each_range(tamp::execute::sequential{}, [&](auto&& read, auto begin, auto end) {
          for (auto i = begin; i < end; ++i)
            for (const float number : read(i)) text += ' ' + std::to_string(number).substr(0, 3);
        });
        text += ';';
      });
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_score_of_the_weight_alone) {
  const support::units<> units{{{"u", {{"a", {{3, -1}}}, {"b", {{2}, {-4}}}}}}};
  BOOST_TEST(listed(units, tamp::score::magnitude{}) == "a 3.0 1.0;b 2.0 4.0;");
}

BOOST_AUTO_TEST_CASE(a_score_with_a_statistic_of_the_layers_that_saw_a_token) {
  column_norm seen;
  seen.add(tamp::execute::sequential{}, matrix<float>{{2, 5}});
  const support::units<column_norm> units{{{"u", {{"a", {{3, -1}}, seen}, {"b", {{2, 1}}, {}}}}}};
  BOOST_TEST(listed(units, tamp::score::wanda{}) == "a 6.0 5.0;b unseen;");
}

BOOST_AUTO_TEST_CASE(a_statistic_of_another_width_is_refused) {
  column_norm seen;
  seen.add(tamp::execute::sequential{}, matrix<float>{{2, 5, 1}});
  const support::units<column_norm> units{{{"u", {{"a", {{3, -1}}, seen}}}}};
  BOOST_CHECK_THROW(listed(units, tamp::score::wanda{}), tamp::shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
