#include <tamp/structure/choose.hpp>

#include <boost/test/unit_test.hpp>
#include <cfenv>
#include <cstddef>
#include <string>
#include <vector>

#include "../support/errors.hpp"
#include "../support/floating_point.hpp"

BOOST_AUTO_TEST_SUITE(structure_choose)

using namespace tamp::structure;
using lists = std::vector<std::vector<double>>;
using places = std::vector<std::size_t>;

namespace {

group neurons(std::string name, std::size_t units, std::size_t multiple = 1) {
  group g{std::move(name), "neurons", units, {{"w", axis::rows}}};
  g.multiple = multiple;
  return g;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_group_drops_its_lowest_units) {
  const ties all{{neurons("a", 4), neurons("b", 3)}};
  const unit_plan plan =
      choose_each(all, lists{{4, 1, 3, 2}, {1, 1, 5}}, std::vector<double>{0.5, 0.34});
  BOOST_TEST(plan.choices[0].kept == (places{0, 2}), boost::test_tools::per_element());
  BOOST_TEST(plan.choices[1].kept == (places{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(plan.notes.empty());
  validate(plan, all);
}

BOOST_AUTO_TEST_CASE(the_number_that_stays_is_rounded_to_a_multiple) {
  std::vector<double> scores(100);
  for (std::size_t k = 0; k < scores.size(); ++k) scores[k] = static_cast<double>(k);
  const auto kept = [&](double sparsity) {
    const ties all{{neurons("a", 100, 32)}};
    return choose_each(all, lists{scores}, std::vector<double>{sparsity}).choices[0].kept.size();
  };
  BOOST_TEST(kept(0) == 100u);  // nothing goes
  BOOST_TEST(kept(0.01) == 96u);
  BOOST_TEST(kept(0.2) == 96u);   // 80 is between 64 and 96: the higher one
  BOOST_TEST(kept(0.21) == 64u);  // 79
  BOOST_TEST(kept(0.9) == 32u);
  BOOST_TEST(kept(1) == 32u);  // some must stay
  const ties all{{neurons("a", 100, 32)}};
  BOOST_TEST(choose_each(all, lists{scores}, std::vector<double>{0.5}).notes ==
                 std::vector<std::string>{"choose: a keeps 64 of 100 neurons instead of 50"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(sections_keep_equally_many) {
  group heads = neurons("heads", 6);
  heads.sections = 2;
  const unit_plan plan =
      choose_each({{heads}}, lists{{9, 8, 7, 1, 2, 3}}, std::vector<double>{0.34});
  BOOST_TEST(plan.choices[0].kept == (places{0, 1, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(plan.notes.empty());
  // Five of six is no even number.
  const unit_plan five =
      choose_each({{heads}}, lists{{9, 8, 7, 1, 2, 3}}, std::vector<double>{0.17});
  BOOST_TEST(five.choices[0].kept.size() == 6u);
  BOOST_TEST(five.notes.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_group_keeps_its_fewest) {
  group experts = neurons("experts", 8);
  experts.fewest = 3;
  const lists scores{{1, 2, 3, 4, 5, 6, 7, 8}};
  BOOST_TEST(
      choose_each({{experts}}, scores, std::vector<double>{1}).choices[0].kept == (places{5, 6, 7}),
      boost::test_tools::per_element());
  experts.sections = 2;  // an even number of at least 3
  BOOST_TEST(choose_each({{experts}}, scores, std::vector<double>{1}).choices[0].kept.size() == 4u);
}

BOOST_AUTO_TEST_CASE(one_threshold_is_by_parameters) {
  // A unit of "w" has 3 numbers, one of "v" 1: 15 in all.
  group small_units{"v", "neurons", 6, {{"v", axis::rows}}};
  const ties all{{neurons("w", 3), small_units}};
  const weight_shapes shapes{{"w", {3, 3}}, {"v", {6, 1}}};
  const lists scores{{5, 9, 1}, {4, 1, 8, 2, 0, 3}};
  const unit_plan plan = choose_globally(all, shapes, scores, 0.5);
  BOOST_TEST(plan.choices[0].kept == (places{0, 1}), boost::test_tools::per_element());
  BOOST_TEST(plan.choices[1].kept == (places{2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  const ties all{{neurons("a", 2)}};
  const std::vector<double> half{0.5};
  support::check_error<tamp::shape_error>("choose: scores of 2 groups, and ties of 1", [&] {
    static_cast<void>(choose_each(all, lists{{1, 2}, {1}}, half));
  });
  support::check_error<tamp::shape_error>("choose: 1 scores for the 2 units of a", [&] {
    static_cast<void>(choose_each(all, lists{{1}}, half));
  });
  support::check_error<tamp::value_error>("choose: the score of unit 1 of a is inf", [&] {
    static_cast<void>(choose_each(all, lists{{1, 1e300 * 1e300}}, half));
  });
  support::check_error<tamp::shape_error>("choose: 2 sparsities for 1 groups", [&] {
    static_cast<void>(choose_each(all, lists{{1, 2}}, std::vector<double>{0.5, 0.5}));
  });
  support::check_error<tamp::value_error>("a sparsity is a fraction in [0, 1], not -1", [&] {
    static_cast<void>(choose_each(all, lists{{1, 2}}, std::vector<double>{-1}));
  });
}

BOOST_AUTO_TEST_CASE(counts_are_the_same_for_any_rounding_mode) {
  const ties all{{neurons("a", 100)}};
  std::vector<double> scores(100);
  for (std::size_t k = 0; k < 100; ++k) scores[k] = static_cast<double>(k);
  const std::vector<double> sparsities{0.29};  // 0.29 * 100 is just less than 29
  const unit_plan expected = choose_each(all, lists{scores}, sparsities);
  BOOST_TEST(expected.choices[0].kept.size() == 72u);
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    const support::rounding as(mode);
    BOOST_TEST((choose_each(all, lists{scores}, sparsities) == expected));
  }
}

BOOST_AUTO_TEST_SUITE_END()
