#include <tamp/stat/weighted.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tamp/execute/sequential.hpp>
#include <tamp/stat/amia_select.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/gram.hpp>
#include <tamp/stat/select_tokens.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_weighted)

using support::check_error;
using support::matrix;
using tamp::modality;
using tamp::stat::amia_select;
using tamp::stat::column_norm;
using tamp::stat::gram;
using tamp::stat::weighted;

namespace {

// Takes the tokens with an attention above a bound, the last one first.
struct attended {
  float bound = 0.5f;
  std::string label() const { return tamp::detail::sentence("attended ", bound); }
  std::vector<std::size_t> operator()(const auto&, const auto&, std::span<const modality>,
                                      std::span<const float> attention) const {
    std::vector<std::size_t> taken;
    for (std::size_t t = attention.size(); t-- != 0;)
      if (attention[t] > bound) taken.push_back(t);
    return taken;
  }
  friend bool operator==(const attended&, const attended&) = default;
};

// Takes what it was told to.
struct told {
  std::vector<std::size_t> tokens{};
  std::string label() const { return "told"; }
  std::vector<std::size_t> operator()(const auto&, const auto&, std::span<const modality>,
                                      std::span<const float>) const {
    return tokens;
  }
  friend bool operator==(const told&, const told&) = default;
};

// The t-th token has weight t * t.
struct rising {
  static constexpr tamp::observable reads = tamp::observable::none;
  double step = 1;
  std::string label() const { return tamp::detail::sentence("rising ", step); }
  std::vector<double> operator()(const auto&, const auto& s) const {
    std::vector<double> weights;
    for (std::size_t t = 0; t < s.input.rows(); ++t) weights.push_back(step * double(t * t));
    return weights;
  }
  friend bool operator==(const rising&, const rising&) = default;
};

// Weight 1 for all, or for all but some tokens at the end.
struct equal {
  static constexpr tamp::observable reads = tamp::observable::modality;
  std::size_t missing = 0;
  static constexpr const char* label() { return "equal"; }
  std::vector<double> operator()(const auto&, const auto& s) const {
    return std::vector<double>(s.input.rows() - missing, 1.0);
  }
  friend bool operator==(const equal&, const equal&) = default;
};

using sample = tamp::layer_sample<matrix<float>, matrix<float>>;
using input_sample = tamp::layer_sample<matrix<float>, tamp::not_shown>;
template <class Selector>
using selected_norm = weighted<column_norm, Selector>;

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  weighted<column_norm, rising> norms;
  norms.add(matrix<float>{{100, 100}, {1, 2}, {3, 4}});
  // Weights 0, 1 and 4 in one sample: sqrt(1 + 4 * 9), sqrt(4 + 4 * 16).
  BOOST_TEST(norms.values()[0] == std::sqrt(37.0f));
  BOOST_TEST(norms.values()[1] == std::sqrt(68.0f));
  BOOST_TEST(norms.tokens() == 2u);
  BOOST_TEST(norms.tokens_seen() == 3u);
  BOOST_TEST(norms.count() == 1u);
  BOOST_TEST(norms.label() == "column_norm by rising 1");

  weighted<gram, rising> products;
  products.add(matrix<float>{{100, 100}, {1, 2}, {3, 4}});
  BOOST_TEST(products.matrix()(0, 0) == 37.0);
  BOOST_TEST(products.matrix()(0, 1) == 2.0 + 4 * 12.0);
  BOOST_TEST(products.matrix()(1, 1) == 68.0);
  BOOST_TEST(products.label() == "gram by rising 1");
}

BOOST_AUTO_TEST_CASE(by_hand_with_a_selector) {
  selected_norm<attended> norms;
  const matrix<float> x{{1, 2}, {100, 100}, {3, 4}}, y{{0}, {0}, {0}};
  const std::vector<float> attention{0.6f, 0.1f, 0.7f};
  norms.add(sample{x, y, {}, attention});
  // Tokens 0 and 2: sqrt((1 + 9) / 2), sqrt((4 + 16) / 2).
  BOOST_TEST(norms.values()[0] == std::sqrt(5.0f));
  BOOST_TEST(norms.values()[1] == std::sqrt(10.0f));
  BOOST_TEST(norms.tokens() == 2u);
  BOOST_TEST(norms.tokens_seen() == 3u);
  BOOST_TEST(norms.features() == 2u);
  BOOST_TEST(norms.label() == "column_norm by attended 0.5");
}

BOOST_AUTO_TEST_CASE(every_selected_token_counts_the_same_whichever_sample_it_is_from) {
  const auto x = support::random_matrix(9, 4, 1), y = support::random_matrix(9, 2, 2);
  const std::vector<float> attention(9, 1.0f);
  selected_norm<attended> split, whole;
  whole.add(sample{x, y, {}, attention});
  for (std::size_t t = 0; t < 9; ++t) {
    matrix<float> row(1, 4);
    for (std::size_t j = 0; j < 4; ++j) row(0, j) = x(t, j);
    selected_norm<attended> one;
    one.add(sample{row, matrix<float>(1, 2), {}, std::span(attention).first(1)});
    split.combine(one);
  }
  for (std::size_t j = 0; j < 4; ++j)
    BOOST_TEST(std::abs(split.values()[j] - whole.values()[j]) < 1e-6);
  BOOST_TEST(split.tokens() == whole.tokens());
}

BOOST_AUTO_TEST_CASE(with_amia_it_is_the_norm_of_what_amia_selects) {
  const auto x = support::random_matrix(60, 5, 3), y = support::random_matrix(60, 12, 4);
  std::vector<float> attention(60);
  for (std::size_t t = 0; t < 60; ++t) attention[t] = float(t * 7 % 13) / 400;
  const amia_select selector{.tolerance = 0.3};
  selected_norm<amia_select> norms(selector);
  norms.add(sample{x, y, {}, attention});
  const auto taken = tamp::stat::select_tokens(y, {}, attention, selector);
  BOOST_TEST(norms.tokens() == taken.size());
  BOOST_TEST(taken.size() < 60u);
  for (std::size_t j = 0; j < 5; ++j) {
    double sum = 0;
    for (const std::size_t t : taken) sum += double(x(t, j)) * double(x(t, j));
    BOOST_TEST(std::abs(norms.values()[j] - std::sqrt(sum / double(taken.size()))) < 1e-5);
  }
  for (const auto& exec : support::every_executor) {
    selected_norm<amia_select> again(selector);
    again.add(exec, sample{x, y, {}, attention});
    BOOST_TEST((again == norms));
  }
}

BOOST_AUTO_TEST_CASE(a_sample_of_which_nothing_is_taken_changes_nothing_but_what_was_seen) {
  selected_norm<attended> norms;
  norms.add(sample{matrix<float>(2, 3), matrix<float>(2, 1), {}, std::vector<float>(2)});
  BOOST_TEST(norms.tokens() == 0u);
  BOOST_TEST(norms.tokens_seen() == 2u);
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused_and_nothing_is_added) {
  selected_norm<attended> norms;
  const std::vector<float> attention{1, 1};
  const float* const absent = nullptr;
  norms.add(sample{matrix<float>{{1}, {2}}, matrix<float>(2, 1), {}, attention});
  const auto before = norms;
  check_error<tamp::shape_error>(
      "column_norm by attended 0.5: the input has 3 tokens, the output 2",
      [&] { norms.add(sample{matrix<float>(3, 1), matrix<float>(2, 1), {}, attention}); });
  check_error<tamp::shape_error>(
      "column_norm: a batch of activations has 2 features, the statistics cover 1",
      [&] { norms.add(sample{matrix<float>(2, 2), matrix<float>(2, 1), {}, attention}); });
  check_error<tamp::shape_error>(
      "column_norm by attended 0.5: 2 attentions lie at a null pointer",
      [&] { norms.add(sample{matrix<float>(2, 1), matrix<float>(2, 1), {}, {absent, 2}}); });
  check_error<tamp::value_error>(
      "column_norm by attended 0.5 cannot be combined with column_norm by attended 0.25",
      [&] { norms.combine(selected_norm<attended>(attended{0.25f})); });
  BOOST_TEST((norms == before));
}

BOOST_AUTO_TEST_CASE(what_a_selector_answers_is_checked) {
  const auto x = support::random_matrix(3, 4, 1), y = support::random_matrix(3, 2, 2);
  const auto refused = [&](std::vector<std::size_t> tokens, std::string_view sentence) {
    selected_norm<told> norms(told{tokens});
    const auto before = norms;
    check_error<tamp::value_error>(sentence, [&] { norms.add(sample{x, y, {}, {}}); });
    BOOST_TEST((norms == before));
  };
  refused({3}, "column_norm by told: the selector takes token 3 of 3");
  refused({1, static_cast<std::size_t>(-1), 0},
          "column_norm by told: the selector takes token 18446744073709551615 of 3");
  refused({2, 0, 2}, "column_norm by told: the selector takes token 2 twice");
  refused({0, 1, 2, 1, 0}, "column_norm by told: the selector takes token 0 twice");
  selected_norm<told> norms(told{{2, 0, 1}});
  norms.add(sample{x, y, {}, {}});
  BOOST_TEST(norms.tokens() == 3u);
}

BOOST_AUTO_TEST_CASE(signals_that_do_not_cover_the_tokens_never_reach_the_selector) {
  const auto x = support::random_matrix(3, 4, 1), y = support::random_matrix(3, 2, 2);
  selected_norm<told> norms(told{{0}});
  const std::vector<float> attention(2, 1.0f);
  const std::vector<modality> kinds(4, modality::text);
  check_error<tamp::shape_error>(
      "column_norm by told: the attention covers 2 tokens, the input has 3",
      [&] { norms.add(sample{x, y, {}, attention}); });
  check_error<tamp::shape_error>(
      "column_norm by told: the modalities cover 4 tokens, the input has 3",
      [&] { norms.add(sample{x, y, kinds, {}}); });
  BOOST_TEST((norms == selected_norm<told>(told{{0}})));
}

BOOST_AUTO_TEST_CASE(equal_weights_give_the_bits_of_the_statistic_without_weights) {
  for (unsigned seed = 0; seed < 4; ++seed) {
    const auto x = support::random_matrix(300, 17, seed);
    weighted<column_norm, equal> norms;
    weighted<gram, equal> products;
    column_norm all_norms;
    gram all_products;
    for (int times = 0; times < 2; ++times) {
      norms.add(input_sample{x, tamp::detail::nothing, {}, {}});
      products.add(input_sample{x, tamp::detail::nothing, {}, {}});
      all_norms.add(x);
      all_products.add(x);
    }
    BOOST_TEST((static_cast<const column_norm&>(norms) == all_norms));
    BOOST_TEST((static_cast<const gram&>(products) == all_products));
  }
}

BOOST_AUTO_TEST_CASE(any_statistic_takes_a_selector) {
  const auto x = support::random_matrix(40, 6, 3), y = support::random_matrix(40, 5, 4);
  std::vector<float> attention(40);
  std::vector<float> rows;
  std::size_t count = 0;
  for (std::size_t t = 0; t < 40; ++t)
    if ((attention[t] = float(t * 7 % 13) / 13) > 0.5f) {
      for (std::size_t j = 0; j < 6; ++j) rows.push_back(x(t, j));
      ++count;
    }
  weighted<gram, attended> products;
  products.add(sample{x, y, {}, attention});
  gram gathered;
  gathered.add(tamp::execute::sequential{}, tamp::matrix_view<const float>(rows.data(), count, 6),
               count);
  BOOST_TEST((static_cast<const gram&>(products) == gathered));
}

BOOST_AUTO_TEST_CASE(weights_that_do_not_fit_are_refused) {
  const matrix<float> x{{1}, {2}, {3}};
  weighted<column_norm, equal> short_list(equal{1});
  check_error<tamp::shape_error>("column_norm by equal: there are 2 weights for 3 tokens", [&] {
    short_list.add(input_sample{x, tamp::detail::nothing, {}, {}});
  });
  weighted<column_norm, rising> falling(rising{-1});
  check_error<tamp::value_error>("column_norm: the weight of token 1 is -1",
                                 [&] { falling.add(x); });
  const std::vector<double> weights(2);
  check_error<tamp::shape_error>(
      "column_norm by equal: the weights cover 2 tokens, the input has 3",
      [&] { short_list.add(input_sample{x, tamp::detail::nothing, {}, {}, weights}); });
  BOOST_TEST((short_list == weighted<column_norm, equal>(equal{1})));
  BOOST_TEST((falling == weighted<column_norm, rising>(rising{-1})));
}

BOOST_AUTO_TEST_CASE(samples_are_added_one_by_one_or_combined) {
  const auto a = support::random_matrix(5, 3, 1), b = support::random_matrix(7, 3, 2);
  weighted<gram, rising> both, first, second;
  both.add(a).add(b);
  first.add(a);
  second.add(b);
  first.combine(second);
  BOOST_TEST((first == both));
  BOOST_TEST(both.tokens_seen() == 12u);
  BOOST_TEST(both.tokens() == 10u);
  check_error<tamp::value_error>("gram by rising 1 cannot be combined with gram by rising 2",
                                 [&] { first.combine(weighted<gram, rising>(rising{2})); });
}

BOOST_AUTO_TEST_CASE(fields_of_a_file_are_those_of_the_statistic_and_what_was_seen) {
  weighted<column_norm, rising> norms;
  norms.add(support::random_matrix(5, 3, 1));
  std::vector<std::string> names;
  weighted<column_norm, rising>::fields(
      norms, [&](std::string_view name, auto&) { names.emplace_back(name); });
  BOOST_TEST(names == (std::vector<std::string>{"sum_of_squares", "count", "tokens", "seen"}),
             boost::test_tools::per_element());
  norms.validate();
  weighted<column_norm, rising>::fields(norms, [](std::string_view name, auto& value) {
    if constexpr (requires { value = 3u; })
      if (name == "seen") value = 3;
  });
  check_error<tamp::value_error>("column_norm by rising 1: 4 tokens have a weight, of 3",
                                 [&] { norms.validate(); });
}

BOOST_AUTO_TEST_SUITE_END()
