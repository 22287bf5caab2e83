#include <tamp/role.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(role)

namespace {

struct named {
  using role = tamp::role::score;
  std::string_view name = "named";
  std::string_view label() const { return name; }
};
struct literal {
  using role = tamp::role::pattern;
  static constexpr const char* label() { return "literal"; }
};
struct unnamed {
  using role = tamp::role::score;
};
struct numbered {
  int label() const { return 7; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_policy_has_the_role_that_it_names) {
  BOOST_TEST((tamp::policy<named, tamp::role::score>));
  BOOST_TEST((!tamp::policy<named, tamp::role::pattern>));
  BOOST_TEST((tamp::policy<literal, tamp::role::pattern>));
  BOOST_TEST((!tamp::policy<numbered, tamp::role::score>));
  BOOST_TEST((!tamp::policy<int, tamp::role::score>));
}

BOOST_AUTO_TEST_CASE(a_policy_without_a_label_is_custom) {
  BOOST_TEST(tamp::label(named{}) == "named");
  BOOST_TEST(tamp::label(named{"other"}) == "other");
  BOOST_TEST(tamp::label(literal{}) == "literal");
  BOOST_TEST(tamp::label(unnamed{}) == "custom");
  BOOST_TEST(tamp::label(numbered{}) == "custom");  // a label is text
}

BOOST_AUTO_TEST_SUITE_END()
