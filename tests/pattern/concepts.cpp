#include <tamp/pattern/concepts.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <tamp/pattern/n_of_m.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/pattern/per_tensor.hpp>

BOOST_AUTO_TEST_SUITE(pattern_concepts)

using namespace tamp::pattern;

namespace {

template <class Score>
struct selector_of_columns {
  explicit selector_of_columns(std::size_t) {}
  void operator()(const auto&, std::span<tamp::mask::word>) {}
};
struct without_sparsity {
  using role = tamp::role::pattern;
  template <class Score>
  using row_selector = selector_of_columns<Score>;
};
struct whole {
  using role = tamp::role::pattern;
  void select_tensor(const auto&, const auto&, double, tamp::mask::bitmask&) const {}
};

}  // namespace

BOOST_AUTO_TEST_CASE(each_pattern_of_the_library_has_one_of_the_two_forms) {
  static_assert(row_wise<per_row> && row_wise<per_row, double>);
  static_assert(row_wise<n_of_m<2, 4>> && row_wise<n_of_m<2, 4>, double>);
  static_assert(tensor_wide<per_tensor> && tensor_wide<per_tensor, double>);
  BOOST_TEST(!row_wise<per_tensor>);
  BOOST_TEST(!tensor_wide<per_row>);
}

BOOST_AUTO_TEST_CASE(a_form_needs_all_of_its_parts) {
  BOOST_TEST(!row_wise<without_sparsity>);
  BOOST_TEST(!tensor_wide<without_sparsity>);
  BOOST_TEST(tensor_wide<whole>);
  BOOST_TEST(!row_wise<int>);
  BOOST_TEST(!tensor_wide<int>);
}

BOOST_AUTO_TEST_SUITE_END()
