#include <tamp/prune/model.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string_view>
#include <vector>

#include "../support/model.hpp"

namespace {

struct host_that_counts_in_int {
  int blocks() { return 1; }
  void visit_layers(int, auto&& visit) { visit("layer", weight); }
  void observe_block(int, auto& observer) { observer.input(0, weight); }
  void advance(int) {}
  support::matrix<float> weight;
};

struct host_without_advance {
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&&) {}
  void observe_block(std::size_t, auto&) {}
};

struct host_that_cannot_be_observed {
  std::size_t blocks() const { return 1; }
  void visit_layers(std::size_t, auto&&) {}
  void observe_block(std::size_t, int) {}
  void advance(std::size_t) {}
};

}  // namespace

BOOST_AUTO_TEST_SUITE(prune_model)

BOOST_AUTO_TEST_CASE(a_host_describes_itself_with_four_functions) {
  static_assert(tamp::model<support::mlp>);
  static_assert(tamp::model<host_that_counts_in_int>);
}

BOOST_AUTO_TEST_CASE(a_host_that_lacks_one_is_not_a_model) {
  static_assert(!tamp::model<host_without_advance>);
  static_assert(!tamp::model<host_that_cannot_be_observed>);
  static_assert(!tamp::model<const support::mlp>);
  static_assert(!tamp::model<support::matrix<float>>);
  static_assert(!tamp::model<int>);
}

BOOST_AUTO_TEST_SUITE_END()
