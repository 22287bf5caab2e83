#include "cublas_handle.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <tamp/cuda/amia_select.cuh>
#include <tamp/cuda/token_diversity.cuh>
#include <vector>

#include "../support/errors.hpp"
#include "../support/weights.hpp"
#include "golden.hpp"

BOOST_AUTO_TEST_SUITE(cuda_amia_das)

namespace {

namespace stat = tamp::stat;
using support::matrix, support::device_matrix, support::device_row, support::check_error;
using enum tamp::modality;
using kinds_of = std::vector<tamp::modality>;
using list = std::vector<std::size_t>;
using support::handle;
const auto on = tamp::on(nullptr);

/// A few directions, and tokens near them: similarities that are far apart, and outputs that are
/// alike.
matrix<float> clustered(std::size_t tokens, std::size_t features, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> number;
  const auto centres = support::random_matrix(5, features, seed + 100);
  matrix<float> y(tokens, features);
  for (std::size_t t = 0; t < tokens; ++t) {
    const std::size_t centre = random() % 5;
    const float length = 0.1f + std::fabs(number(random));
    for (std::size_t j = 0; j < features; ++j)
      y(t, j) = length * (centres(centre, j) + 0.5f * number(random));
  }
  return y;
}
kinds_of some_kinds(std::size_t tokens, unsigned seed, unsigned different = 2) {
  std::mt19937 random(seed);
  kinds_of kinds(tokens);
  for (auto& kind : kinds) kind = static_cast<tamp::modality>(random() % different);
  return kinds;
}
std::vector<float> some_attention(std::size_t tokens, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> number(0, 1);
  std::vector<float> attention(tokens);
  for (float& a : attention) a = number(random);
  return attention;
}

template <class T>
list taken_on_gpu(const handle& h, const stat::amia_select& policy, const device_matrix<T>& y,
                  const kinds_of& kinds, const std::vector<float>& attention) {
  const auto row = device_row(attention);
  return stat::select_tokens(on, h.cublas, y.view(), kinds, row.view(), policy).to_host(on);
}

template <class T>
void check_equal(const handle& h, const stat::amia_select& policy, const matrix<T>& y,
                 const kinds_of& kinds, const std::vector<float>& attention) {
  const auto n = static_cast<std::ptrdiff_t>(y.rows()), d = static_cast<std::ptrdiff_t>(y.cols());
  const device_matrix<T> rows(y, d + 1, 1), columns(y, 1, n + 2);
  const list expected = stat::select_tokens(y, kinds, attention, policy);
  for (const auto* there : {&rows, &columns}) {
    BOOST_TEST(taken_on_gpu(h, policy, *there, kinds, attention) == expected,
               boost::test_tools::per_element());
    tamp::cuda::token_diversity seen(on);
    seen.add(on, h.cublas, there->view(), kinds);
    const auto found = seen.to_host(on);
    tamp::stat::token_diversity reference;
    reference.add(y, kinds);
    for (unsigned a = 0; a < 8; ++a)
      for (unsigned b = 0; b <= a; ++b) {
        const auto one = static_cast<tamp::modality>(a), other = static_cast<tamp::modality>(b);
        BOOST_TEST(std::abs(found.density(one, other) - reference.density(one, other)) < 1e-6);
      }
    BOOST_TEST(found.importance() == reference.importance(), boost::test_tools::tolerance(1e-6));
    BOOST_TEST(found.tokens() == reference.tokens());
    BOOST_TEST(found.has(text) == reference.has(text));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand_densities_of_right_angles_and_opposites) {
  const handle h;
  // Text: x, x, y. Image: -x, y + x.
  const device_matrix<float> y({{2, 0}, {5, 0}, {0, 3}, {-1, 0}, {4, 4}});
  tamp::cuda::token_diversity seen(on);
  seen.add(on, h.cublas, y.view(), kinds_of{text, text, text, image, image});
  const auto found = seen.to_host(on);
  const double slope = std::sqrt(0.5);
  const auto near = boost::test_tools::tolerance(1e-6);
  BOOST_TEST(found.density(text, text) == 1.0, near);    // of three pairs one is positive
  BOOST_TEST(found.density(image, image) == 0.0, near);  // none is
  BOOST_TEST(found.density(text, image) == (-2 + 3 * slope) / 6, near);
  BOOST_TEST(found.importance() == 3 - 1 - (-2 + 3 * slope) / 6, near);
  BOOST_TEST(found.samples() == 1u);
}

BOOST_AUTO_TEST_CASE(by_hand_tokens_that_are_alike_speak_for_each_other) {
  const handle h;
  const device_matrix<float> y({{1, 0}, {1, 0}, {0, 1}, {0, 2}});
  const stat::amia_select policy{.neighbours = 1, .tolerance = 0.01};
  // 0 and 1 are one direction, 2 and 3 the other: one of each is enough.
  BOOST_TEST(taken_on_gpu(h, policy, y, {}, {0.5f, 0.25f, 0.125f, 0.25f}) == (list{0, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(equals_the_cpu_in_every_type_and_layout) {
  const handle h;
  std::size_t run = 0;
  const auto check = [&]<class T>(T) {
    unsigned seed = 10;
    for (const auto& [tokens, features] :
         std::initializer_list<std::pair<std::size_t, std::size_t>>{
             {1, 5}, {2, 1}, {9, 33}, {40, 16}, {70, 50}}) {
      ++seed;
      if (!support::is_run_here(run++, 3)) continue;
      const auto y = support::as<T>(clustered(tokens, features, seed));
      const auto attention = some_attention(tokens, seed);
      check_equal(h, {}, y, some_kinds(tokens, seed), attention);
      check_equal(h, {.neighbours = 5, .tolerance = 0}, y, {}, attention);
      check_equal(h, {.neighbours = 0, .sigma = 0.5, .tolerance = 0.3}, y,
                  some_kinds(tokens, seed, 8), attention);
    }
  };
  check(float{});
  check(__half{});
  check(tamp::bf16{});
}

BOOST_AUTO_TEST_CASE(weighted_densities_are_those_of_the_cpu) {
  const handle h;
  const auto check = [&]<class T>(T) {
    for (const auto& [tokens, features] :
         {std::pair<std::size_t, std::size_t>{1, 5}, {9, 33}, {70, 50}}) {
      const auto y = support::as<T>(clustered(tokens, features, 5));
      auto weights = support::random_weights(tokens, 6);
      const auto kinds = some_kinds(tokens, 7);
      for (std::size_t t = 0; t < tokens; ++t)
        if (kinds[t] == image) weights[t] *= 1e200;
      const auto broken = support::broken_where_weight_is_zero(y, weights);
      tamp::stat::token_diversity expected;
      expected.add(y, kinds, weights);
      const auto n = static_cast<std::ptrdiff_t>(tokens), d = static_cast<std::ptrdiff_t>(features);
      const device_matrix<T> rows(broken, d + 1, 1), columns(broken, 1, n + 2), whole(y);
      const auto there = support::device_row(weights);
      for (const auto* layout : {&rows, &columns}) {
        tamp::cuda::token_diversity seen(on);
        seen.add(on, h.cublas, layout->view(), kinds, there.view());
        const auto found = seen.to_host(on);
        for (unsigned a = 0; a < 8; ++a)
          for (unsigned b = 0; b <= a; ++b) {
            const auto one = static_cast<tamp::modality>(a), other = static_cast<tamp::modality>(b);
            BOOST_TEST(std::abs(found.density(one, other) - expected.density(one, other)) < 1e-6);
          }
        BOOST_TEST(found.tokens() == expected.tokens());
        for (unsigned a = 0; a < 8; ++a)
          BOOST_TEST(found.has(static_cast<tamp::modality>(a)) ==
                     expected.has(static_cast<tamp::modality>(a)));
      }
      const auto ones = support::device_row(std::vector<double>(tokens, 1.0));
      tamp::cuda::token_diversity equal(on), plain(on);
      equal.add(on, h.cublas, whole.view(), kinds, ones.view());
      plain.add(on, h.cublas, whole.view(), kinds);
      BOOST_TEST((equal.to_host(on) == plain.to_host(on)));
    }
  };
  check(float{});
  check(__half{});
  check(tamp::bf16{});
}

BOOST_AUTO_TEST_CASE(a_sample_whose_weights_cannot_be_used_is_named) {
  const handle h;
  auto y = support::random_matrix(6, 3, 1);
  const device_matrix<float> good(y);
  y(1, 2) = -support::infinity;
  const device_matrix<float> broken(y);
  const auto bad = support::device_row<double>({1, 0, 1, support::not_a_number, -1, 1});
  tamp::cuda::token_diversity seen(on), first(on);
  seen.add(on, h.cublas, broken.view(), {}, bad.view()).add(on, h.cublas, broken.view(), {});
  check_error<tamp::value_error>("token_diversity: the weight of token 3 is nan",
                                 [&] { seen.to_host(on); });
  first.add(on, h.cublas, broken.view(), {}).add(on, h.cublas, good.view(), {}, bad.view());
  check_error<tamp::value_error>("token_diversity: the output of token 1, feature 2 is -inf",
                                 [&] { first.to_host(on); });
  check_error<tamp::shape_error>("token_diversity: the weights cover 6 tokens, there are 2", [&] {
    seen.add(on, h.cublas, device_matrix<float>(matrix<float>(2, 3)).view(), {}, bad.view());
  });
  tamp::cuda::token_diversity none(on);
  none.add(on, h.cublas, broken.view(), {},
           support::device_row(std::vector<double>(6, 0.0)).view());
  none.add(on, h.cublas, device_matrix<float>(matrix<float>(0, 3)).view(), {},
           device_matrix<double>(matrix<double>(1, 0)).view());
  BOOST_TEST(none.to_host(on).tokens() == 0u);
  BOOST_TEST(none.to_host(on).importance() == 3.0);
}

BOOST_AUTO_TEST_CASE(equal_tokens_are_taken_by_index) {
  const handle h;
  matrix<float> y(12, 3);
  for (std::size_t t = 0; t < 12; ++t) y(t, t % 3) = static_cast<float>(1 + t % 2);
  for (const double tolerance : {0.02, 0.05, 1.0})
    check_equal(h, {.tolerance = tolerance}, y, {}, std::vector<float>(12, 0.5f));
  y(4, 1) = 0;  // a token of length zero
  check_equal(h, {.tolerance = 0.0}, y, some_kinds(12, 1), std::vector<float>(12, 0.0f));
}

BOOST_AUTO_TEST_CASE(products_near_zero_have_the_sign_that_they_have_in_double) {
  // The products of the first token and the others cancel out but for their last bits.
  const handle h;
  const matrix<float> y{{1, 1, 1e-9f}, {1, -1, 1}, {1, -1, -1}, {-1, 1, 1}};
  tamp::cuda::token_diversity seen(on);
  const device_matrix<float> there(y);
  seen.add(on, h.cublas, there.view(), {});
  tamp::stat::token_diversity reference;
  reference.add(y);
  BOOST_TEST(seen.to_host(on).density(text, text) == reference.density(text, text),
             boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(samples_add_up) {
  const handle h;
  tamp::cuda::token_diversity seen(on);
  tamp::stat::token_diversity reference;
  for (const unsigned seed : {1u, 2u, 3u}) {
    const auto y = clustered(20 + seed, 12, seed);
    const auto kinds = some_kinds(20 + seed, seed, 3);
    const device_matrix<float> there(y);
    seen.add(on, h.cublas, there.view(), kinds);
    reference.add(y, kinds);
  }
  const device_matrix<float> nothing(matrix<float>(0, 12));
  seen.add(on, h.cublas, nothing.view(), {});
  reference.add(matrix<float>(0, 12), kinds_of{});
  const auto found = seen.to_host(on);
  BOOST_TEST(found.samples() == 4u);
  BOOST_TEST(found.tokens() == 66u);
  BOOST_TEST(found.importance() == reference.importance(), boost::test_tools::tolerance(1e-6));
  BOOST_TEST(found.has(audio));
  BOOST_TEST(!found.has(video));
}

BOOST_AUTO_TEST_CASE(outputs_and_attention_that_cannot_be_used_are_named) {
  const handle h;
  matrix<float> y = clustered(6, 4, 1);
  std::vector<float> attention(6, 0.25f);
  const auto check = [&](std::string_view sentence) {
    const device_matrix<float> there(y);
    check_error<tamp::value_error>(sentence, [&] { taken_on_gpu(h, {}, there, {}, attention); });
    check_error<tamp::value_error>(
        sentence, [&] { stat::select_tokens(y, {}, attention, stat::amia_select{}); });
  };
  attention[4] = -1;
  check("amia_select: the attention to token 4 is -1");
  attention[2] = support::not_a_number;
  check("amia_select: the attention to token 2 is nan");
  y(5, 1) = support::infinity;
  check("amia_select: the output of token 5, feature 1 is inf");
  y(3, 2) = -support::infinity;
  check("amia_select: the output of token 3, feature 2 is -inf");

  // The NaN that GPUs make is the highest of all keys. Of three tokens each looks at both others.
  const device_matrix<float> three(
      matrix<float>(3, 4, std::bit_cast<float>(std::uint32_t{0x7fffffff})));
  check_error<tamp::value_error>("amia_select: the output of token 0, feature 0 is nan", [&] {
    taken_on_gpu(h, {}, three, {}, std::vector<float>(3, 0.25f));
  });

  tamp::cuda::token_diversity seen(on);
  const device_matrix<float> there(y), good(clustered(6, 4, 2));
  seen.add(on, h.cublas, good.view(), {});
  seen.add(on, h.cublas, there.view(), {});
  seen.add(on, h.cublas, good.view(), {});
  check_error<tamp::value_error>("token_diversity: the output of token 3, feature 2 is -inf",
                                 [&] { seen.to_host(on); });
}

BOOST_AUTO_TEST_CASE(shapes_and_parameters_are_refused_before_anything_is_started) {
  const handle h;
  const device_matrix<float> y(clustered(6, 4, 1));
  const auto row = device_row(std::vector<float>(5, 1.0f));
  const auto six = device_row(std::vector<float>(6, 1.0f));
  check_error<tamp::shape_error>(
      "amia_select: the attention covers 5 tokens, the output has 6",
      [&] { stat::select_tokens(on, h.cublas, y.view(), {}, row.view(), stat::amia_select{}); });
  check_error<tamp::shape_error>(
      "amia_select: the modalities cover 2 tokens, the output has 6", [&] {
        stat::select_tokens(on, h.cublas, y.view(), kinds_of{text, image}, six.view(),
                            stat::amia_select{});
      });
  check_error<tamp::value_error>(
      "amia_select: sigma is 0, tolerance 0.1, the gammas 1 and 0.2", [&] {
        stat::select_tokens(on, h.cublas, y.view(), {}, six.view(), stat::amia_select{.sigma = 0});
      });
  check_error<tamp::value_error>("token_diversity: token 1 is of modality 8; there are 8", [&] {
    kinds_of kinds(6, text);
    kinds[1] = static_cast<tamp::modality>(8);
    tamp::cuda::token_diversity(on).add(on, h.cublas, y.view(), kinds);
  });
}

BOOST_AUTO_TEST_CASE(a_handle_is_given_back_as_it_was) {
  const handle h;
  cublasSetMathMode(h.cublas, CUBLAS_TF32_TENSOR_OP_MATH);
  cublasSetPointerMode(h.cublas, CUBLAS_POINTER_MODE_DEVICE);
  const device_matrix<float> y(clustered(6, 4, 1));
  tamp::cuda::token_diversity seen(on);
  seen.add(on, h.cublas, y.view(), {});
  cublasMath_t math{};
  cublasPointerMode_t pointers{};
  cublasGetMathMode(h.cublas, &math);
  cublasGetPointerMode(h.cublas, &pointers);
  BOOST_TEST((math == CUBLAS_TF32_TENSOR_OP_MATH));
  BOOST_TEST((pointers == CUBLAS_POINTER_MODE_DEVICE));
  BOOST_TEST(std::isfinite(seen.to_host(on).importance()));
}

BOOST_AUTO_TEST_CASE(golden_vectors) {
  const handle h;
  for (const char* const name : {"amia_das_0", "amia_das_1", "amia_das_2"})
    BOOST_TEST_CONTEXT(name) {
      const support::golden_file file(name);
      const device_matrix<float> y(file.matrix_of("in.output"));
      kinds_of kinds;
      for (const double visual : file.numbers.at("in.visual"))
        kinds.push_back(visual != 0 ? image : text);
      BOOST_TEST(taken_on_gpu(h, {}, y, kinds, file.values<float>("in.attention")) ==
                     file.values<std::size_t>("out.amia_kept_in_order"),
                 boost::test_tools::per_element());
      tamp::cuda::token_diversity seen(on);
      seen.add(on, h.cublas, y.view(), kinds);
      const auto found = seen.to_host(on);
      BOOST_TEST(found.importance() == file.numbers.at("out.das_importance").at(0),
                 boost::test_tools::tolerance(1e-5));
      const std::vector<double> densities{found.density(image, image), found.density(text, text),
                                          found.density(image, text)};
      BOOST_TEST(densities == file.numbers.at("out.density"),
                 boost::test_tools::tolerance(1e-5) << boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(similarities_take_what_bytes_needed_says) {
  const handle h;
  const device_matrix<float> y(clustered(60, 20, 1));
  const auto attention = support::device_row(std::vector<float>(60, 0.5f));
  const auto weights = support::device_row(std::vector<double>(60, 0.5));
  kinds_of kinds(60, text);
  kinds[7] = kinds[8] = image;
  support::check_bytes_needed([&](const tamp::cuda::on_stream& given) {
    stat::select_tokens(given, h.cublas, y.view(), kinds, attention.view(), stat::amia_select{});
  });
  support::check_bytes_needed([&](const tamp::cuda::on_stream& given) {
    tamp::cuda::token_diversity(given).add(given, h.cublas, y.view(), kinds);
    tamp::cuda::token_diversity(given).add(given, h.cublas, y.view(), kinds, weights.view());
  });
}

BOOST_AUTO_TEST_SUITE_END()
