#include <tamp/allocate/concepts.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <tamp/allocate/alpha.hpp>
#include <tamp/allocate/block_influence.hpp>
#include <tamp/allocate/das.hpp>
#include <tamp/allocate/erk.hpp>
#include <tamp/allocate/fixed.hpp>
#include <tamp/allocate/lamp.hpp>
#include <tamp/allocate/owl.hpp>
#include <tamp/allocate/uniform.hpp>

BOOST_AUTO_TEST_SUITE(allocate_concepts)

using namespace tamp::allocate;

namespace {

struct by_one_size {
  using role = tamp::role::allocate;
  double operator()(std::size_t) const { return 0.5; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(each_allocation_of_the_library_has_one_of_the_two_forms) {
  static_assert(by_size<uniform>);
  static_assert(by_unit<alpha> && by_unit<block_influence> && by_unit<das> && by_unit<erk> &&
                by_unit<fixed> && by_unit<lamp> && by_unit<owl<>>);
  BOOST_TEST(!by_unit<uniform>);
  BOOST_TEST(!by_size<das>);
}

BOOST_AUTO_TEST_CASE(another_call_is_no_allocation) {
  BOOST_TEST(!by_size<by_one_size>);
  BOOST_TEST(!by_unit<by_one_size>);
  BOOST_TEST(!by_size<int>);
}

BOOST_AUTO_TEST_SUITE_END()
