#include <tamp/detail/function_ref.hpp>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>

BOOST_AUTO_TEST_SUITE(detail_function_ref)

using tamp::detail::function_ref;

BOOST_AUTO_TEST_CASE(a_call_is_a_call_of_the_function) {
  int calls = 0;
  const auto add = [&](int a, int b) {
    ++calls;
    return a + b;
  };
  const function_ref<int(int, int)> reference = add;
  BOOST_TEST(reference(2, 3) == 5);
  BOOST_TEST(function_ref<double(int, int)>(add)(1, 1) == 2.0);
  BOOST_TEST(calls == 2);
}

BOOST_AUTO_TEST_CASE(a_copy_refers_to_the_same_function) {
  const std::string text = "one";
  const auto size = [&] { return text.size(); };
  const function_ref<std::size_t()> reference = size;
  const auto copy = reference;
  BOOST_TEST(copy() == 3u);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_copied_is_referred_to) {
  const auto own = [number = std::make_unique<int>(7)] { return *number; };
  BOOST_TEST(function_ref<int()>(own)() == 7);
}

BOOST_AUTO_TEST_CASE(only_what_can_be_called_so_is_a_function) {
  using reference = function_ref<int(int)>;
  const auto no_argument = [] { return 1; };
  static_assert(!std::is_constructible_v<reference, decltype(no_argument)>);
  static_assert(!std::is_constructible_v<reference, int>);
}

BOOST_AUTO_TEST_SUITE_END()
