#include <tamp/execute/kept_exception.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(execute_kept_exception)

using tamp::detail::kept_exception;

namespace {

// Throws the beginning of its range, if that is odd.
void throw_odd(std::size_t begin, std::size_t) {
  if (begin % 2 == 1) throw begin;
}

std::string thrown(const kept_exception& kept) {
  try {
    kept.rethrow();
  } catch (std::size_t begin) {
    return std::to_string(begin);
  }
  return "nothing";
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_exception_of_the_lowest_range_is_kept) {
  kept_exception kept;
  BOOST_TEST(thrown(kept) == "nothing");
  kept.run(throw_odd, 4, 5);
  BOOST_TEST(thrown(kept) == "nothing");
  for (const std::size_t begin : {7u, 3u, 5u, 2u, 9u}) kept.run(throw_odd, begin, begin + 1);
  BOOST_TEST(thrown(kept) == "3");
  BOOST_TEST(thrown(kept) == "3");  // any number of times
}

BOOST_AUTO_TEST_CASE(the_body_gets_its_range) {
  kept_exception kept;
  std::size_t sum = 0;
  kept.run([&](std::size_t begin, std::size_t end) { sum = 100 * begin + end; }, 4, 7);
  BOOST_TEST(sum == 407u);
}

BOOST_AUTO_TEST_CASE(threads_may_throw_at_once) {
  kept_exception kept;
  std::vector<std::thread> team;
  for (std::size_t t = 0; t < 8; ++t)
    team.emplace_back([&, t] {
      for (std::size_t k = 0; k < 100; ++k) kept.run(throw_odd, 8 * k + t, 8 * k + t + 1);
    });
  for (std::thread& thread : team) thread.join();
  BOOST_TEST(thrown(kept) == "1");
}

BOOST_AUTO_TEST_SUITE_END()
