#include <tamp/stat/token_diversity.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"
#include "../support/weights.hpp"

BOOST_AUTO_TEST_SUITE(stat_token_diversity)

using support::check_error;
using support::matrix;
using tamp::modality;
using tamp::stat::token_diversity;
using enum tamp::modality;

namespace {

using kinds = std::vector<modality>;

token_diversity of(const matrix<float>& output, const kinds& k,
                   const support::any_executor& exec = support::one_thread) {
  token_diversity d;
  d.add(exec, tamp::layer_sample<matrix<float>, matrix<float>>{output, output, k, {}});
  return d;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Image tokens at 0 and 90 degrees and at 180: cosines 0, -1, 0, of which none is positive. Text
  // at 0 and 60 degrees: 1/2. Across: 1, 1/2, 0, sin 60, -1, -1/2 over six pairs.
  const float half = 0.5f, high = std::sqrt(0.75f);
  const auto d =
      of({{2, 0}, {0, 3}, {-1, 0}, {5, 0}, {half, high}}, {image, image, image, text, text});
  BOOST_TEST(d.density(image, image) == 0.0);
  BOOST_TEST(std::abs(d.density(text, text) - 0.5) < 1e-6);
  BOOST_TEST(std::abs(d.density(image, text) - std::sqrt(0.75) / 6) < 1e-6);
  BOOST_TEST(d.density(image, text) == d.density(text, image));
  BOOST_TEST(std::abs(d.importance() - (3 - 0.5 - std::sqrt(0.75) / 6)) < 1e-6);
  BOOST_TEST(d.tokens() == 5u);
  BOOST_TEST(d.samples() == 1u);
  BOOST_TEST(d.has(image));
  BOOST_TEST(!d.has(audio));
}

BOOST_AUTO_TEST_CASE(within_a_modality_only_positive_pairs_count) {
  // Cosines 1, -1, -1: the mean of the positive ones is 1.
  BOOST_TEST(std::abs(of({{1}, {2}, {-1}}, {}).density(text, text) - 1) < 1e-6);
}

BOOST_AUTO_TEST_CASE(samples_are_averaged_each_counting_once) {
  token_diversity d = of({{1, 0}, {1, 0}}, {});           // density 1
  d.combine(of({{1, 0}, {0, 1}, {-1, 0}, {0, -1}}, {}));  // density 0
  BOOST_TEST(std::abs(d.density(text, text) - 0.5) < 1e-6);
  BOOST_TEST(std::abs(d.importance() - 2.5) < 1e-6);
}

BOOST_AUTO_TEST_CASE(two_kinds_are_counted_at_least_and_more_if_there_are_more) {
  const auto alone = of({{1, 0}, {0, 1}}, {});
  BOOST_TEST(alone.importance() == 3.0);
  const auto orthogonal = matrix<float>{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  BOOST_TEST(of(orthogonal, {text, image, image}).importance() == 3.0);
  BOOST_TEST(of(orthogonal, {text, image, audio}).importance() == 6.0);  // 3 within, 3 across
}

BOOST_AUTO_TEST_CASE(the_names_of_the_modalities_make_no_difference) {
  const auto y = support::random_matrix(20, 8, 4);
  kinds a(20, text), b(20, video);
  for (std::size_t t = 5; t < 14; ++t) a[t] = image, b[t] = audio;
  token_diversity one = of(y, a), other = of(y, b);
  BOOST_TEST(std::abs(one.importance() - other.importance()) < 1e-12);
  BOOST_TEST(one.density(text, image) == other.density(audio, video));
}

BOOST_AUTO_TEST_CASE(the_length_of_a_token_makes_no_difference_and_none_is_similar_to_nothing) {
  auto y = support::random_matrix(12, 7, 9);
  const auto before = of(y, {});
  for (std::size_t j = 0; j < 7; ++j) y(3, j) *= 8;
  BOOST_TEST(std::abs(before.importance() - of(y, {}).importance()) < 1e-6);
  BOOST_TEST(of(matrix<float>(4, 3), {}).density(text, text) == 0.0);
}

BOOST_AUTO_TEST_CASE(the_bits_do_not_depend_on_the_executor) {
  const auto y = support::random_matrix(70, 30, 6);
  kinds k(70, text);
  std::fill(k.begin() + 3, k.begin() + 50, image);
  for (const auto& exec : support::every_executor) BOOST_TEST((of(y, k, exec) == of(y, k)));
}

BOOST_AUTO_TEST_CASE(outputs_and_modalities_alone_are_a_sample_too) {
  const auto y = support::random_matrix(9, 4, 2);
  kinds k(9, text);
  k[3] = k[4] = image;
  token_diversity d;
  BOOST_TEST((d.add(y, k) == of(y, k)));
}

BOOST_AUTO_TEST_CASE(one_token_and_none_are_fine) {
  BOOST_TEST(of({{1, 2}}, {image}).importance() == 3.0);
  const auto none = of(matrix<float>(0, 4), {});
  BOOST_TEST(none.tokens() == 0u);
  BOOST_TEST(token_diversity().importance() == 0.0);
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused_and_nothing_is_added) {
  check_error<tamp::shape_error>("token_diversity: the modalities cover 3 tokens, the output has 2",
                                 [] { of({{1, 2}, {3, 4}}, {text, text, image}); });
  check_error<tamp::value_error>("token_diversity: token 1 is of modality 9; there are 8",
                                 [] { of({{1, 2}, {3, 4}}, {text, modality{9}}); });
  token_diversity d = of({{1, 2}, {3, 4}}, {});
  const token_diversity before = d;
  auto y = support::random_matrix(40, 3, 1);
  y(30, 2) = support::infinity;
  y(12, 1) = support::not_a_number;
  for (const auto& exec : support::every_executor)
    check_error<tamp::value_error>(
        "token_diversity: the output of token 12, feature 1 is nan",
        [&] { d.add(exec, tamp::layer_sample<matrix<float>, matrix<float>>{y, y, {}, {}}); });
  BOOST_TEST((d == before));
}

BOOST_AUTO_TEST_CASE(weights_by_hand) {
  // Image at 0, 60 and 120 degrees: cosines 1/2, -1/2, 1/2, of which the positive ones weigh
  // 1 * 2 and 2 * 4. Text at 0 and 60 degrees, weights 1/2 and 3. The last token does not count.
  const float half = 0.5f, high = std::sqrt(0.75f);
  const matrix<float> y{{1, 0}, {half, high}, {-half, high},
                        {3, 0}, {half, high}, {support::not_a_number, 1}};
  const kinds k{image, image, image, text, text, audio};
  token_diversity d;
  d.add(y, k, std::vector<double>{1, 2, 4, 0.5, 3, 0});
  BOOST_TEST(std::abs(d.density(image, image) - 0.5) < 1e-6);  // (2 / 2 + 8 / 2) / 10
  BOOST_TEST(std::abs(d.density(text, text) - 0.5) < 1e-6);
  // By text: 0.5 (1 + 2 / 2 - 4 / 2), and 3 (1 / 2 + 2 + 4 / 2).
  BOOST_TEST(std::abs(d.density(image, text) - 13.5 / (7 * 3.5)) < 1e-6);
  BOOST_TEST(d.tokens() == 5u);
  BOOST_TEST(!d.has(audio));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(weights_of_one_and_zero_have_the_bits_of_the_rows_of_weight_one, T,
                              decltype(std::tuple<float, double, tamp::f16, tamp::bf16>{})) {
  const auto y = support::as<T>(support::random_matrix(90, 40, 6));
  kinds k(90, text), chosen_kinds;
  std::fill(k.begin() + 3, k.begin() + 60, image);
  const std::vector<double> ones(90, 1.0);
  const auto weights = support::random_choice_of_tokens(90, 7);
  for (std::size_t t = 0; t < 90; ++t)
    if (weights[t] != 0) chosen_kinds.push_back(k[t]);
  const auto broken = support::broken_where_weight_is_zero(y, weights);
  token_diversity all, chosen;
  all.add(y, k);
  chosen.add(support::rows_with_weight(y, weights), chosen_kinds);
  for (const auto& exec :
       {support::any_executor{1}, support::any_executor{3}, support::any_executor{0}}) {
    support::in_every_layout(y, [&](auto m) {
      token_diversity d;
      BOOST_TEST((d.add(exec, m, k, ones) == all));
    });
    support::in_every_layout(broken, [&](auto m) {
      token_diversity d;
      BOOST_TEST((d.add(exec, m, k, weights) == chosen));
    });
  }
}

BOOST_AUTO_TEST_CASE(a_common_factor_of_the_weights_makes_no_difference) {
  const auto y = support::random_matrix(30, 9, 8);
  kinds k(30, text);
  std::fill(k.begin() + 10, k.end(), image);
  const auto weights = support::random_weights(30, 9);
  token_diversity expected;
  expected.add(y, k, weights);
  for (const int power : {-900, -3, 900}) {
    auto scaled = weights;
    for (std::size_t t = 0; t < 30; ++t)
      if (k[t] == image) scaled[t] = std::ldexp(scaled[t], power);
    token_diversity d;
    BOOST_TEST((d.add(y, k, scaled) == expected));
  }
}

BOOST_AUTO_TEST_CASE(weights_that_are_none_are_refused_and_nothing_is_added) {
  const matrix<float> y{{1, 2}, {3, 4}, {5, support::not_a_number}};
  token_diversity d = of({{1, 2}, {3, 4}}, {});
  const token_diversity before = d;
  const auto refuses = [&](const char* sentence, const std::vector<double>& weights) {
    check_error<tamp::value_error>(sentence, [&] { d.add(y, kinds{}, weights); });
  };
  refuses("token_diversity: the weight of token 1 is -1", {1, -1, 0});
  refuses("token_diversity: the weight of token 2 is nan", {1, 1, support::not_a_number});
  refuses("token_diversity: the output of token 2, feature 1 is nan", {0, 1, 1e-300});
  check_error<tamp::shape_error>("token_diversity: the weights cover 2 tokens, there are 3",
                                 [&] { d.add(y, kinds{}, std::vector<double>{1, 1}); });
  check_error<tamp::shape_error>("token_diversity: 3 weights lie at a null pointer", [&] {
    d.add(y, kinds{}, std::span<const double>(static_cast<const double*>(nullptr), 3));
  });
  BOOST_TEST((d == before));
}

BOOST_AUTO_TEST_CASE(a_sample_in_which_no_token_counts_is_one_without_tokens) {
  token_diversity d, none;
  d.add(matrix<float>(3, 2, support::not_a_number), kinds{}, std::vector<double>(3, 0.0));
  none.add(matrix<float>(0, 2), kinds{});
  BOOST_TEST((d == none));
}

BOOST_AUTO_TEST_CASE(fields_that_contradict_each_other_are_refused) {
  token_diversity d = of({{1, 2}, {3, 4}}, {});
  d.validate();
  token_diversity::fields(d, [](std::string_view name, auto& value) {
    if constexpr (requires { value.pop_back(); })
      if (name == "sums") value.pop_back();
  });
  check_error<tamp::value_error>("token_diversity: 35 sums for 8 kinds of tokens",
                                 [&] { d.validate(); });
}

BOOST_AUTO_TEST_CASE(a_modality_that_is_none_is_refused) {
  using tamp::modality;
  const tamp::stat::token_diversity seen;
  for (const int kind : {8, 255}) {
    const std::string sentence = tamp::detail::sentence(
        "token_diversity: there is no density of modality ", kind, "; there are 8");
    support::check_error<tamp::value_error>(
        sentence, [&] { (void)seen.density(static_cast<modality>(kind), modality::text); });
    support::check_error<tamp::value_error>(
        sentence, [&] { (void)seen.density(modality::image, static_cast<modality>(kind)); });
    BOOST_TEST(!seen.has(static_cast<modality>(kind)));
  }
}

BOOST_AUTO_TEST_CASE(outputs_and_modalities_without_memory_are_refused) {
  using tamp::modality;
  const std::vector<float> numbers(6, 1.0f);
  support::check_error<tamp::shape_error>("tensor: 2 x 3 elements lie at a null pointer", [] {
    tamp::stat::token_diversity().add(tamp::matrix_view<const float>(nullptr, 2, 3),
                                      std::span<const modality>());
  });
  support::check_error<tamp::shape_error>(
      "token_diversity: 2 modalities lie at a null pointer", [&] {
        tamp::stat::token_diversity().add(
            tamp::view(numbers, 2, 3),
            std::span<const modality>(static_cast<const modality*>(nullptr), 2));
      });
  support::check_error<tamp::shape_error>(
      "token_diversity: 4611686018427387904 x 4611686018427387904 numbers of 4 bytes are more than "
      "memory can hold",
      [] {
        tamp::stat::token_diversity().add(
            tamp::matrix_view<const float>(nullptr, std::size_t{1} << 62, 0),
            std::span<const modality>());
      });
}

BOOST_AUTO_TEST_SUITE_END()
