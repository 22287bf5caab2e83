#include <tamp/execute/operation.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string>
#include <tamp/execute/sequential.hpp>

BOOST_AUTO_TEST_SUITE(execute_operation)

namespace {

struct options {
  int times = 1;
};

// An operation that repeats a text, and tells where it ran.
struct repeat_operation : tamp::detail::operation<repeat_operation, options> {
  using tamp::detail::operation<repeat_operation, options>::operator();

  template <tamp::executor E>
  std::string operator()(const E&, const std::string& text, char last,
                         const options& how = {}) const {
    std::string all = std::is_same_v<E, tamp::execute::standard> ? "standard:" : "other:";
    for (int k = 0; k < how.times; ++k) all += text;
    return all + last;
  }
};
constexpr repeat_operation repeat{};

struct my_executor {
  void for_each_range(std::size_t count, auto&& body) const {
    if (count != 0) body(std::size_t{0}, count);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(where_it_runs_may_be_left_out) {
  BOOST_TEST(repeat("ab", '!') == "standard:ab!");
  BOOST_TEST(repeat(tamp::execute::standard{}, "ab", '!') == "standard:ab!");
  BOOST_TEST(repeat(tamp::execute::sequential{}, "ab", '!') == "other:ab!");
  BOOST_TEST(repeat(my_executor{}, "ab", '!') == "other:ab!");
}

BOOST_AUTO_TEST_CASE(options_may_be_written_in_braces) {
  BOOST_TEST(repeat("ab", '!', {.times = 2}) == "standard:abab!");
  BOOST_TEST(repeat(my_executor{}, "ab", '!', {.times = 2}) == "other:abab!");
  const options thrice{3};
  options twice{2};
  BOOST_TEST(repeat("a", '.', thrice) == "standard:aaa.");
  BOOST_TEST(repeat("a", '.', twice) == "standard:aa.");
}

BOOST_AUTO_TEST_SUITE_END()
