#include <tamp/allocate/uniform.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

BOOST_AUTO_TEST_SUITE(allocate_uniform)

using tamp::allocate::uniform;

BOOST_AUTO_TEST_CASE(every_layer_gets_the_same_however_large_it_is) {
  const std::vector<std::size_t> num_params{8, 1, 1000000, 0};
  BOOST_TEST(uniform{0.3}(num_params) == std::vector(4, 0.3), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_layer_no_sparsity) {
  BOOST_TEST(uniform{0.3}(std::vector<std::size_t>{}).empty());
}

BOOST_AUTO_TEST_CASE(half_is_the_default) { BOOST_TEST(uniform{}.sparsity == 0.5); }

BOOST_AUTO_TEST_CASE(its_label_has_the_sparsity) {
  static_assert(tamp::policy<uniform, tamp::role::allocate>);
  BOOST_TEST(tamp::label(uniform{0.7}) == "uniform 0.7");
  BOOST_TEST(tamp::label(uniform{0}) == "uniform 0");
  BOOST_TEST((uniform{0.7} == uniform{0.7}));
  BOOST_TEST((uniform{0.7} != uniform{0.6}));
}

BOOST_AUTO_TEST_SUITE_END()
