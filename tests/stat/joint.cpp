#include <tamp/stat/joint.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/concepts.hpp>
#include <tamp/stat/gram.hpp>
#include <tamp/stat/only_modality.hpp>
#include <tamp/stat/pairwise.hpp>
#include <tamp/stat/sequence_moments.hpp>
#include <tamp/stat/weighted.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_joint)

using support::check_error;
using support::matrix;
using tamp::stat::column_norm;
using tamp::stat::gram;
using tamp::stat::joint;
using both = joint<column_norm, gram>;

static_assert(tamp::stat::statistic<both>);
static_assert(tamp::observables_read<both> == tamp::observable::input);

BOOST_AUTO_TEST_CASE(each_part_is_what_it_is_alone) {
  const auto x = support::random_matrix(300, 7, 1), y = support::random_matrix(5, 7, 2);
  const std::vector<double> weights{1, 0, 0.5, 2, 0};
  both seen;
  seen.add(x, 3).add(y, weights);
  column_norm norms;
  norms.add(x, 3).add(y, weights);
  gram products;
  products.add(x, 3).add(y, weights);
  BOOST_TEST((seen.of<column_norm>() == norms));
  BOOST_TEST((seen.of<gram>() == products));
  BOOST_TEST(seen.values() == norms.values(), boost::test_tools::per_element());
  BOOST_TEST(seen.diagonal() == products.diagonal(), boost::test_tools::per_element());
  BOOST_TEST(seen.features() == 7u);
  BOOST_TEST(seen.tokens() == 303u);
  BOOST_TEST(seen.count() == 4u);
  BOOST_TEST(seen.label() == "column_norm and gram");
  both first, second;
  first.add(x, 3);
  second.add(y, weights);
  BOOST_TEST((first.combine(second) == seen));
  tamp::stat::pairwise<both> parts;
  parts.add(y).add(x);
  BOOST_TEST(parts.total().tokens() == 305u);
}

BOOST_AUTO_TEST_CASE(its_tokens_may_be_weighed) {
  const auto x = support::random_matrix(4, 3, 1);
  const std::vector<tamp::modality> kinds{tamp::modality::text, tamp::modality::image,
                                          tamp::modality::text, tamp::modality::image};
  const auto sample = tamp::layer_sample<matrix<float>, tamp::not_shown>{x, {}, kinds, {}};
  tamp::stat::weighted<both, tamp::stat::only_modality> seen;
  seen.add(sample);
  tamp::stat::weighted<gram, tamp::stat::only_modality> alone;
  alone.add(sample);
  BOOST_TEST((seen.of<gram>() == alone));
  BOOST_TEST(seen.tokens() == 2u);
  BOOST_TEST(seen.tokens_seen() == 4u);
  BOOST_TEST(seen.label() == "column_norm and gram by only text");
}

BOOST_AUTO_TEST_CASE(nothing_is_added_where_a_part_refuses) {
  both seen;
  seen.add(matrix<float>{{1, 2}});
  const both before = seen;
  check_error<tamp::shape_error>(
      "column_norm: a batch of activations has 3 features, the statistics cover 2",
      [&] { seen.add(matrix<float>{{1, 2, 3}}); });
  // Norms of 1e160 are no floats; products of 1e155 are finite, and so are norms of 1e38.
  check_error<tamp::value_error>(
      "gram: the products of features 0 and 0 are too large to be summed", [&] {
        joint<tamp::stat::sequence_moments, gram> other;
        other.add(matrix<double>{{1, 1}});
        try {
          other.add(matrix<double>{{1e154, 1}, {1e154, 1}, {1e154, 1}});
        } catch (...) {
          BOOST_TEST(other.of<tamp::stat::sequence_moments>().tokens() == 1u);
          throw;
        }
      });
  both other;
  other.add(matrix<float>{{1, 2, 3}});
  check_error<tamp::shape_error>(
      "column_norm: the statistics to combine cover 3 features, the statistics cover 2",
      [&] { seen.combine(other); });
  BOOST_TEST((seen == before));
}

BOOST_AUTO_TEST_CASE(files_are_checked) {
  both seen;
  seen.add(matrix<float>{{1, 2}, {3, 5}});
  std::vector<std::string> names;
  both::fields(seen, [&](std::string_view name, auto&) { names.emplace_back(name); });
  BOOST_TEST(names.front() == "0.sum_of_squares");
  BOOST_TEST(names.back() == "1.tokens");
  seen.validate();
  both::fields(seen, [](std::string_view name, auto& value) {
    if constexpr (!requires { value.size(); })
      if (name == "1.tokens") value = 7;
  });
  check_error<tamp::value_error>(
      "column_norm and gram: the parts cover 2 and 2 features, of 2 and 7 tokens",
      [&] { seen.validate(); });
}

BOOST_AUTO_TEST_SUITE_END()
