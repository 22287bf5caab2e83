#include <tamp/model/host.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string_view>
#include <vector>

#include "../support/errors.hpp"
#include "../support/model.hpp"

BOOST_AUTO_TEST_SUITE(model_host)

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

// It finds out at run time what it can show, and which layers share their input.
struct host_that_tells : support::mlp {
  using mlp::mlp;
  tamp::observable shows() const { return tamp::observable::input | tamp::observable::hidden; }
  int input_of(std::size_t block, std::size_t layer) { return block == 1 ? 0 : int(layer); }
};

}  // namespace

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

BOOST_AUTO_TEST_CASE(a_host_whose_samples_can_go_through_again_has_a_rewind) {
  static_assert(tamp::rewindable_model<support::open_mlp>);
  static_assert(!tamp::rewindable_model<support::mlp>);
}

BOOST_AUTO_TEST_CASE(what_a_host_shows_is_a_constant_a_function_or_inputs) {
  using tamp::observable;
  const support::mlp silent(1, 2, 2, 1);
  BOOST_TEST((tamp::detail::shown_by(silent) == observable::input));
  BOOST_TEST((tamp::detail::shown_by(support::open_mlp(1, 2, 2, 1)) == support::open_mlp::shows));
  const host_that_tells telling(1, 2, 2, 1);
  BOOST_TEST((tamp::detail::shown_by(telling) == (observable::input | observable::hidden)));
  tamp::detail::check_shown<observable::input>(silent);
  tamp::detail::check_shown<observable::none>(telling);
  tamp::detail::check_shown<observable::hidden | observable::input>(telling);
  support::check_error<tamp::value_error>(
      "this recipe looks at output and the attention of the last query, which the host does not "
      "show",
      [&] {
        tamp::detail::check_shown<observable::output | observable::last_query | observable::hidden>(
            telling);
      });
}

BOOST_AUTO_TEST_CASE(a_layer_has_an_input_of_its_own_unless_the_host_says_otherwise) {
  support::mlp silent(2, 2, 2, 1);
  host_that_tells telling(2, 2, 2, 1);
  BOOST_TEST(tamp::detail::input_of(silent, 1, 1) == 1u);
  BOOST_TEST(tamp::detail::input_of(telling, 0, 1) == 1u);
  BOOST_TEST(tamp::detail::input_of(telling, 1, 1) == 0u);
}

BOOST_AUTO_TEST_CASE(signals_are_a_set_with_names) {
  using tamp::observable;
  BOOST_TEST(includes(observable::input | observable::output, observable::output));
  BOOST_TEST(
      !includes(observable::input | observable::output, observable::output | observable::hidden));
  BOOST_TEST(includes(observable::input, observable::none));
  BOOST_TEST(names(observable::none) == "nothing");
  BOOST_TEST(names(observable::modality | observable::output | observable::input) ==
             "input and output and modality");
}

BOOST_AUTO_TEST_CASE(an_input_of_a_layer_that_cannot_be_the_first_is_refused) {
  struct later {
    std::size_t input_of(std::size_t, std::size_t layer) const { return layer + 1; }
  } naming_later;
  support::check_error<tamp::value_error>(
      "the host says that layer 1 of block 7 has the input of layer 2, which comes later",
      [&] { tamp::detail::input_of(naming_later, 7, 1); });
  struct chain {
    std::size_t input_of(std::size_t, std::size_t layer) const {
      return layer == 0 ? 0 : layer - 1;
    }
  } naming_the_one_before;
  BOOST_TEST(tamp::detail::input_of(naming_the_one_before, 7, 1) == 0u);
  support::check_error<tamp::value_error>(
      "the host says that layer 2 of block 7 has the input of layer 1, which has another's",
      [&] { tamp::detail::input_of(naming_the_one_before, 7, 2); });
}

BOOST_AUTO_TEST_SUITE_END()
