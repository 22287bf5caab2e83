#include <tamp/model/detail/stopwatch.hpp>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>

BOOST_AUTO_TEST_SUITE(model_detail_stopwatch)

BOOST_AUTO_TEST_CASE(counts_at_least_the_time_that_passed) {
  const tamp::detail::stopwatch watch;
  const double at_first = watch.seconds();
  BOOST_TEST(at_first >= 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double later = watch.seconds();
  BOOST_TEST(later >= at_first + 0.02);
  BOOST_TEST(later < 1000);  // seconds, not some other unit
}

BOOST_AUTO_TEST_CASE(never_runs_backwards) {
  const tamp::detail::stopwatch watch;
  double before = 0;
  for (int k = 0; k < 1000; ++k) {
    const double now = watch.seconds();
    BOOST_REQUIRE(now >= before);
    before = now;
  }
}

BOOST_AUTO_TEST_SUITE_END()
