#include <tamp/stat/selected_norm.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <span>
#include <tamp/stat/select_tokens.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_selected_norm)

using support::check_error;
using support::matrix;
using tamp::modality;
using tamp::stat::amia_select;
using tamp::stat::selected_norm;

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

using sample = tamp::layer_sample<matrix<float>, matrix<float>>;

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
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
  BOOST_TEST(norms.label() == "selected_norm attended 0.5");
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
  selected_norm<> norms(selector);
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
    selected_norm<> again(selector);
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
  norms.add(sample{matrix<float>{{1}, {2}}, matrix<float>(2, 1), {}, attention});
  const auto before = norms;
  check_error<tamp::shape_error>("selected_norm: the input has 3 tokens, the output 2", [&] {
    norms.add(sample{matrix<float>(3, 1), matrix<float>(2, 1), {}, attention});
  });
  check_error<tamp::shape_error>(
      "column_norm: a batch of activations has 2 features, the statistics cover 1",
      [&] { norms.add(sample{matrix<float>(2, 2), matrix<float>(2, 1), {}, attention}); });
  check_error<tamp::value_error>(
      "selected_norm: statistics by attended 0.5 and by attended 0.25 cannot be combined",
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
  refused({3}, "selected_norm: the selector told takes token 3 of 3");
  refused({1, static_cast<std::size_t>(-1), 0},
          "selected_norm: the selector told takes token 18446744073709551615 of 3");
  refused({2, 0, 2}, "selected_norm: the selector told takes token 2 twice");
  refused({0, 1, 2, 1, 0}, "selected_norm: the selector told takes token 0 twice");
  selected_norm<told> norms(told{{2, 0, 1}});
  norms.add(sample{x, y, {}, {}});
  BOOST_TEST(norms.tokens() == 3u);
}

BOOST_AUTO_TEST_CASE(signals_that_do_not_cover_the_tokens_never_reach_the_selector) {
  const auto x = support::random_matrix(3, 4, 1), y = support::random_matrix(3, 2, 2);
  selected_norm<told> norms(told{{0}});
  const std::vector<float> attention(2, 1.0f);
  const std::vector<modality> kinds(4, modality::text);
  check_error<tamp::shape_error>("selected_norm: the attention covers 2 tokens, the input has 3",
                                 [&] { norms.add(sample{x, y, {}, attention}); });
  check_error<tamp::shape_error>("selected_norm: the modalities cover 4 tokens, the input has 3",
                                 [&] { norms.add(sample{x, y, kinds, {}}); });
  BOOST_TEST((norms == selected_norm<told>(told{{0}})));
}

BOOST_AUTO_TEST_SUITE_END()
