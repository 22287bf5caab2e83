#include <tamp/execute/range_function.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <memory>
#include <tamp/execute/executor.hpp>
#include <type_traits>
#include <vector>

#include "loop_checks.hpp"

BOOST_AUTO_TEST_SUITE(execute_range_function)

using tamp::execute::range_function;

namespace {

// A host's pool behind an interface: what runs the loop is compiled apart from its users.
struct pool {
  virtual ~pool() = default;
  virtual void run(std::size_t count, range_function body) const = 0;
};
struct halves final : pool {
  void run(std::size_t count, range_function body) const override {
    if (count / 2 != 0) body(0, count / 2);
    if (count != 0) body(count / 2, count);
  }
};
struct on_pool {
  const pool* threads;
  void for_each_range(std::size_t count, range_function body) const { threads->run(count, body); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(it_calls_the_body_it_was_made_of) {
  std::vector<std::size_t> seen;
  const auto body = [&](std::size_t begin, std::size_t end) {
    seen.push_back(begin);
    seen.push_back(end);
  };
  const range_function function = body, copy = function;
  copy(3, 9);
  BOOST_TEST(seen == (std::vector<std::size_t>{3, 9}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_body_may_change_and_need_not_be_copyable) {
  auto body = [calls = std::make_unique<int>(0)](std::size_t, std::size_t) mutable { ++*calls; };
  const range_function function(body);
  function(0, 1);
  function(1, 2);
  static_assert(std::is_trivially_copyable_v<range_function>);
  static_assert(!std::is_constructible_v<range_function, int>);
  static_assert(!std::is_constructible_v<range_function, void (*)(std::size_t)>);
}

BOOST_AUTO_TEST_CASE(an_executor_can_take_it_in_place_of_a_template_parameter) {
  const halves threads;
  static_assert(tamp::executor<on_pool>);
  checks::visits_every_index_exactly_once(on_pool{&threads});
  checks::lets_exceptions_out_and_works_afterwards(on_pool{&threads});
}

BOOST_AUTO_TEST_SUITE_END()
