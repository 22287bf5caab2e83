#include <tamp/execute/place.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <tamp/execute/operation.hpp>
#include <tamp/execute/sequential.hpp>
#include <tamp/execute/standard.hpp>

// A device of a host's own: operations find run_on by its namespace.
namespace device_of_a_host {

struct queue {
  int* used;
};
template <class Operation>
std::string run_on(const queue& where, const Operation&, const std::string& text, char last) {
  ++*where.used;
  return "device:" + text + last;
}

}  // namespace device_of_a_host

template <>
inline constexpr bool tamp::is_device<device_of_a_host::queue> = true;

BOOST_AUTO_TEST_SUITE(execute_place)

namespace {

struct shout_operation : tamp::detail::operation<shout_operation> {
  using tamp::detail::operation<shout_operation>::operator();

  template <tamp::executor E>
  std::string operator()(const E&, const std::string& text, char last) const {
    return "here:" + text + last;
  }
};
constexpr shout_operation shout{};

}  // namespace

BOOST_AUTO_TEST_CASE(executors_and_devices_are_places_and_nothing_else_is) {
  static_assert(tamp::place<tamp::execute::sequential> &&
                tamp::place<const tamp::execute::standard&>);
  static_assert(tamp::device<device_of_a_host::queue> && tamp::place<device_of_a_host::queue&>);
  static_assert(!tamp::place<int> && !tamp::place<std::string> && !tamp::device<int>);
  BOOST_TEST(tamp::place<tamp::execute::sequential>);
}

BOOST_AUTO_TEST_CASE(on_names_an_executor_and_is_the_executor) {
  const tamp::execute::sequential one_thread;
  BOOST_TEST(&tamp::on(one_thread) == &one_thread);
  BOOST_TEST(shout(tamp::on(one_thread), "ab", '!') == "here:ab!");
}

BOOST_AUTO_TEST_CASE(an_operation_on_a_device_is_found_by_its_namespace) {
  int used = 0;
  BOOST_TEST(shout(device_of_a_host::queue{&used}, "ab", '!') == "device:ab!");
  BOOST_TEST(used == 1);
}

BOOST_AUTO_TEST_SUITE_END()
