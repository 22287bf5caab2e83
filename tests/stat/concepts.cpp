#include <tamp/stat/concepts.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <tamp/stat/amia_select.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/gram.hpp>
#include <tamp/stat/hidden_change.hpp>
#include <tamp/stat/token_diversity.hpp>
#include <tamp/stat/weighted.hpp>
#include <vector>

BOOST_AUTO_TEST_SUITE(stat_concepts)

using namespace tamp::stat;

namespace {

// A statistic of inputs, or of what `Reads` names, that has add for inputs alone.
template <tamp::observable Reads>
struct of_inputs {
  static constexpr tamp::observable reads = Reads;
  of_inputs& add(const auto&, const tamp::matrix_view<const float>&) { return *this; }
  of_inputs& combine(const of_inputs&) { return *this; }
  std::uint64_t tokens() const { return 0; }
  friend bool operator==(const of_inputs&, const of_inputs&) = default;
};
struct first_token {
  std::vector<std::size_t> operator()(const auto&, const auto&, auto, auto) const { return {0}; }
  friend bool operator==(const first_token&, const first_token&) = default;
};

}  // namespace

BOOST_AUTO_TEST_CASE(each_statistic_of_the_library_is_one) {
  static_assert(statistic<column_norm> && statistic<gram> && statistic<hidden_change> &&
                statistic<weighted<column_norm, amia_select>> && statistic<token_diversity>);
  BOOST_TEST(!statistic<int>);
}

BOOST_AUTO_TEST_CASE(a_statistic_takes_in_what_it_reads) {
  BOOST_TEST(statistic<of_inputs<tamp::observable::input>>);
  BOOST_TEST(!statistic<of_inputs<tamp::observable::output>>);
  BOOST_TEST(!statistic<of_inputs<tamp::observable::hidden>>);
}

BOOST_AUTO_TEST_CASE(a_selector_is_a_value_that_names_tokens) {
  BOOST_TEST(selector<amia_select>);
  BOOST_TEST(selector<first_token>);
  BOOST_TEST(!selector<int>);
  BOOST_TEST((first_token() == first_token()));
}

BOOST_AUTO_TEST_SUITE_END()
