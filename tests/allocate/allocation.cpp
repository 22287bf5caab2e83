#include <tamp/allocate/allocation.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(allocate_allocation)

BOOST_AUTO_TEST_CASE(an_allocation_is_a_value_without_counts_unless_it_decided_on_them) {
  const tamp::allocate::allocation answer{{0.5, 0.25}, {"a note"}};
  BOOST_TEST(answer.sparsities.size() == 2u);
  BOOST_TEST(answer.notes.front() == "a note");
  BOOST_TEST(answer.drops.empty());
}

BOOST_AUTO_TEST_SUITE_END()
