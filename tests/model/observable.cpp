#include <tamp/model/observable.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(model_observable)

using tamp::observable;

namespace {

struct of_inputs {};
struct of_outputs {
  static constexpr observable reads = observable::output | observable::modality;
};

}  // namespace

BOOST_AUTO_TEST_CASE(observables_form_sets) {
  constexpr observable both = observable::input | observable::keys;
  static_assert(includes(both, observable::input) && includes(both, both));
  static_assert(!includes(both, observable::output) && !includes(observable::input, both));
  static_assert((both & ~observable::input) == observable::keys);
  static_assert(includes(both, observable::none));
  BOOST_TEST(names(observable::none) == "nothing");
  BOOST_TEST(names(both) == "input and keys");
  BOOST_TEST(names(observable::grid | observable::importance) ==
             "the grid of frames and the importance of tokens");
  BOOST_TEST(names(observable::output | observable::last_query) ==
             "output and the attention of the last query");
  BOOST_TEST(
      names(observable::attention | observable::text_queries | observable::visual_queries |
            observable::hidden) ==
      "hidden states and attention and the attention of the text after the last visual token and "
      "the attention of the visual tokens");
}

BOOST_AUTO_TEST_CASE(a_statistic_reads_inputs_unless_it_says_otherwise) {
  BOOST_TEST((tamp::observables_read<of_inputs> == observable::input));
  BOOST_TEST((tamp::observables_read<of_outputs> == of_outputs::reads));
}

BOOST_AUTO_TEST_SUITE_END()
