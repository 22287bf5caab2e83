#include <tamp/structure/unit_plan.hpp>

#include <boost/test/unit_test.hpp>
#include <sstream>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(structure_unit_plan)

using namespace tamp::structure;

namespace {

ties heads() {
  group g{"attention", "heads", 4, {{"q", axis::rows}}};
  g.sections = 2;
  g.fewest = 2;
  return {{g}};
}

unit_plan plan_of(std::vector<std::size_t> kept) {
  return {"by hand", {{"attention", "heads", 4, std::move(kept)}}, {"a note"}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_is_a_value_that_prints) {
  const unit_plan plan = plan_of({0, 3});
  BOOST_TEST((plan == plan_of({0, 3})));
  BOOST_TEST((plan != plan_of({0, 2})));
  std::ostringstream text;
  text << plan;
  BOOST_TEST(text.str() == "attention: 2 of 4 heads\na note\n");
  BOOST_TEST(plan.find("attention")->dropped() == 2u);
  BOOST_TEST(plan.find("mlp") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_plan_that_fits_is_accepted) {
  validate(plan_of({0, 3}), heads());
  validate(plan_of({0, 1, 2, 3}), heads());
  validate(unit_plan{}, heads());
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  const auto refused = [](const unit_plan& plan, auto error, std::string_view sentence) {
    support::check_error<decltype(error)>(sentence, [&] { validate(plan, heads()); });
  };
  unit_plan other = plan_of({0, 3});
  other.choices[0].group = "mlp";
  refused(other, tamp::value_error(""), "ties: there is no group 'mlp'");
  other = plan_of({0, 3});
  other.choices[0].units = 5;
  refused(other, tamp::shape_error(""),
          "unit_plan: was made for 5 units of attention, which has 4");
  other = plan_of({0, 3});
  other.choices.push_back(other.choices[0]);
  refused(other, tamp::value_error(""), "unit_plan: chooses twice for attention");
  refused(plan_of({3, 0}), tamp::value_error(""),
          "unit_plan: unit 0 of attention cannot stay in place 1: the units that stay ascend, and "
          "are below 4");
  refused(plan_of({0, 4}), tamp::value_error(""),
          "unit_plan: unit 4 of attention cannot stay in place 1: the units that stay ascend, and "
          "are below 4");
  refused(plan_of({0}), tamp::value_error(""),
          "unit_plan: 1 units of attention would stay, and at least 2 must");
  refused(plan_of({0, 1}), tamp::shape_error(""),
          "unit_plan: section 1 of attention keeps 0 units, and section 0 keeps 2; all must keep "
          "equally many");
}

BOOST_AUTO_TEST_SUITE_END()
