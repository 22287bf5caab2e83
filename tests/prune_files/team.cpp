// A process alone as a team. ranks.py looks at several.
#include <prune/team.hpp>

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(prune_files_team)

using tamp_prune::part_of;
using tamp_prune::team;

BOOST_AUTO_TEST_CASE(alone_every_function_does_its_work_and_no_more) {
  const team alone;
  BOOST_TEST((alone.rank() == 0u && alone.size() == 1u && alone.is_first()));
  int count = 0;
  alone.collectively([&] { ++count; });
  alone.together([&] { ++count; });
  alone.on_first([&] { ++count; });
  BOOST_TEST(count == 3);
  BOOST_TEST((alone.all(true) && !alone.all(false)));
  std::string text = "a";
  alone.broadcast(text);
  BOOST_TEST(text == "a");
  BOOST_TEST((alone.gather("b") == std::vector<std::string>{"b"}));
  BOOST_TEST((part_of(10, alone).first == 0u && part_of(10, alone).count == 10u));
}

BOOST_AUTO_TEST_CASE(alone_steps_go_on_until_they_are_stopped) {
  const team alone;
  int steps = 0;
  const auto work = [&](const team::question& is_stopped_anywhere) {
    for (int k = 0; k < 5; ++k) {
      if (is_stopped_anywhere()) return false;
      ++steps;
    }
    return true;
  };
  BOOST_TEST(alone.in_steps([] { return false; }, work));
  BOOST_TEST(steps == 5);
  BOOST_TEST(!alone.in_steps([&] { return steps == 7; }, work));
  BOOST_TEST(steps == 7);
}

BOOST_AUTO_TEST_CASE(alone_errors_leave_as_they_are) {
  const team alone;
  const auto fail = [] { throw std::out_of_range("here"); };
  BOOST_CHECK_THROW(alone.collectively(fail), std::out_of_range);
  BOOST_CHECK_THROW(alone.together(fail), std::out_of_range);
  BOOST_CHECK_THROW(alone.on_first(fail), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(without_a_launcher_mpi_is_left_alone) {
  BOOST_TEST(team::of_launcher().size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
