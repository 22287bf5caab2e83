#include "support.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <tamp/cuda/attention_top_k.cuh>
#include <tamp/cuda/fitprune.cuh>
#include <vector>

#include "../support/errors.hpp"
#include "golden.hpp"

BOOST_AUTO_TEST_SUITE(cuda_attention)

namespace {

namespace token = tamp::token;
using support::matrix, support::device_matrix, support::check_error;
using enum tamp::modality;
const auto on = tamp::on(nullptr);
using kinds_of = std::vector<tamp::modality>;

/// Attention of all queries, or of those from `first_query` on, on both sides.
template <class T>
struct both {
  both(kinds_of k, const matrix<float>& numbers, std::size_t first_query = 0)
      : kinds(std::move(k)),
        device_numbers(support::as<T>(numbers)),
        host_numbers(support::as<float>(support::as<T>(numbers))),
        queries(kinds.size() - first_query),
        first(first_query),
        heads(queries == 0 ? 0 : numbers.rows() / queries) {}

  token::context on_cpu() const {
    return {.kinds = kinds,
            .attention = {std::span(host_numbers.data(), heads * queries * kinds.size()), heads,
                          queries, kinds.size(), first}};
  }
  tamp::cuda::token_context<T> on_gpu() const {
    return {kinds, {device_numbers.view().data(), heads, queries, kinds.size(), first}};
  }

  kinds_of kinds;
  device_matrix<T> device_numbers;  // (heads * queries, tokens)
  matrix<float> host_numbers;
  std::size_t queries, first, heads;
};

template <class T, class Policy>
void check_equal(const Policy& policy, const both<T>& c) {
  const std::size_t visual = c.on_cpu().visual().size();
  for (const std::size_t keep : {std::size_t{0}, std::size_t{1}, visual / 2, visual, visual + 3}) {
    const auto found = token::select(on, c.on_gpu(), policy, {.keep = keep});
    const auto expected = token::select(c.on_cpu(), policy, {.keep = keep}).kept;
    BOOST_TEST(found.to_host(on) == expected, boost::test_tools::per_element());
    BOOST_TEST(found.capacity() == expected.size());
  }
}

kinds_of random_kinds(std::size_t tokens, unsigned seed) {
  std::mt19937 random(seed);
  kinds_of kinds(tokens, text);
  for (std::size_t t = 1; t + 2 < tokens; ++t)
    kinds[t] = random() % 4 == 0 ? text : random() % 2 == 0 ? image : audio;
  return kinds;
}

/// (heads * queries, tokens), with many equal numbers if asked for.
matrix<float> random_attention(std::size_t heads, std::size_t queries, std::size_t tokens,
                               unsigned seed, bool ties) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> number(0, 1);
  matrix<float> m(heads * queries, tokens);
  for (std::size_t k = 0; k < m.rows() * m.cols(); ++k)
    m.data()[k] = ties ? 0.25f * static_cast<float>(random() % 3) : number(random);
  return m;
}

template <class Policy>
void check_every_shape(const Policy& policy) {
  const auto check = [&]<class T>(T) {
    unsigned seed = 0;
    for (const std::size_t tokens : {3u, 31u, 64u, 110u})
      for (const std::size_t heads : {1u, 5u})
        for (const bool ties : {false, true}) {
          ++seed;
          check_equal(policy, both<T>(random_kinds(tokens, seed),
                                      random_attention(heads, tokens, tokens, seed, ties)));
        }
  };
  check(float{});
  check(__nv_bfloat16{});
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand_the_last_query_decides) {
  // Two heads; sums of the last query over tokens 1 to 4: 0.75, 0.5, 0.75, 0.
  const both<float> c({text, image, image, image, image, text},
                      {{9, 0.5f, 0.25f, 0.25f, 0, 9}, {9, 0.25f, 0.25f, 0.5f, 0, 9}}, 5);
  const auto kept = [&](std::size_t keep) {
    return token::select(on, c.on_gpu(), token::attention_top_k{}, {.keep = keep}).to_host(on);
  };
  using list = std::vector<std::size_t>;
  BOOST_TEST(kept(1) == (list{0, 3, 5}), boost::test_tools::per_element());  // of 1 and 3
  BOOST_TEST(kept(2) == (list{0, 1, 3, 5}), boost::test_tools::per_element());
  BOOST_TEST(kept(3) == (list{0, 1, 2, 3, 5}), boost::test_tools::per_element());
  BOOST_TEST(kept(0) == (list{0, 5}), boost::test_tools::per_element());
  BOOST_TEST(kept(9).size() == 6u);
}

BOOST_AUTO_TEST_CASE(top_k_equals_the_cpu) { check_every_shape(token::attention_top_k{}); }

BOOST_AUTO_TEST_CASE(top_k_needs_the_last_query_alone) {
  const std::size_t tokens = 77;
  const auto kinds = random_kinds(tokens, 5);
  const auto numbers = random_attention(4, 1, tokens, 6, false);
  const both<float> c(kinds, numbers, tokens - 1);
  check_equal(token::attention_top_k{}, c);
  const tamp::cuda::token_context<float> other{
      kinds,
      tamp::cuda::attention_view<float>::of_last_query(c.device_numbers.view().data(), 4, tokens)};
  const auto found = token::select(on, other, token::attention_top_k{}, {.keep = 20});
  BOOST_TEST(
      found.to_host(on) == token::select(c.on_cpu(), token::attention_top_k{}, {.keep = 20}).kept,
      boost::test_tools::per_element());
}

// attn[0, :, -1:, :] of a tensor (1, heads, tokens, tokens), its transpose, and its rows backwards.
BOOST_AUTO_TEST_CASE(attention_may_lie_at_any_strides) {
  const std::size_t heads = 3, tokens = 41, rows = heads * tokens;
  const auto kinds = random_kinds(tokens, 5);
  const auto pitch = std::ptrdiff_t(tokens);
  const auto check = [&]<class T>(T) {
    const both<T> all(kinds, random_attention(heads, tokens, tokens, 7, true));
    const matrix<float>& numbers = all.host_numbers;
    const auto check_view = [&](const matrix<float>& memory, std::size_t begin,
                                const std::array<std::size_t, 3>& extents,
                                const std::array<std::ptrdiff_t, 3>& strides, std::size_t first) {
      const device_matrix<T> device(support::as<T>(memory));
      const tamp::cuda::token_context<T> c{kinds,
                                           {device.view().data() + begin, extents, strides, first}};
      const token::context on_cpu{.kinds = kinds,
                                  .attention = {memory.data() + begin, extents, strides, first}};
      const auto check_policy = [&](const auto& policy) {
        for (const std::size_t keep : {1u, 9u, 20u}) {
          const auto expected = token::select(all.on_cpu(), policy, {.keep = keep}).kept;
          BOOST_TEST(token::select(on, c, policy, {.keep = keep}).to_host(on) == expected,
                     boost::test_tools::per_element());
          BOOST_TEST(token::select(on_cpu, policy, {.keep = keep}).kept == expected,
                     boost::test_tools::per_element());
        }
      };
      check_policy(token::attention_top_k{});
      if (first == 0) check_policy(token::fitprune{});
    };
    check_view(numbers, (tokens - 1) * tokens, {heads, 1, tokens}, {pitch * pitch, pitch, 1},
               tokens - 1);
    matrix<float> transposed(tokens, rows), backwards(rows, tokens);
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t t = 0; t < tokens; ++t) {
        transposed(t, row) = numbers(row, t);
        backwards(rows - 1 - row, tokens - 1 - t) = numbers(row, t);
      }
    check_view(transposed, 0, {heads, tokens, tokens}, {pitch, 1, std::ptrdiff_t(rows)}, 0);
    check_view(backwards, rows * tokens - 1, {heads, tokens, tokens}, {-pitch * pitch, -pitch, -1},
               0);
  };
  check(float{});
  check(__nv_bfloat16{});
}

BOOST_AUTO_TEST_CASE(many_tokens_are_told_to_the_gpu_in_pieces) {
  const std::size_t tokens = 5000;
  check_equal(
      token::attention_top_k{},
      both<float>(random_kinds(tokens, 5), random_attention(2, 1, tokens, 6, true), tokens - 1));
}

BOOST_AUTO_TEST_CASE(text_alone_stays) {
  const both<float> c(kinds_of(7, text), matrix<float>(0, 7), 7);
  for (const std::size_t keep : {0u, 3u}) {
    BOOST_TEST(token::select(on, c.on_gpu(), token::attention_top_k{}, {.keep = keep})
                   .to_host(on)
                   .size() == 7u);
    BOOST_TEST(
        token::select(on, c.on_gpu(), token::fitprune{}, {.keep = keep}).to_host(on).size() == 7u);
  }
  const both<float> nothing({}, matrix<float>(0, 0));
  BOOST_TEST(token::select(on, nothing.on_gpu(), token::attention_top_k{}, {.keep = 1})
                 .to_host(on)
                 .empty());
}

BOOST_AUTO_TEST_CASE(fitprune_equals_the_cpu) { check_every_shape(token::fitprune{}); }

BOOST_AUTO_TEST_CASE(fitprune_statistics_have_the_bits_of_the_cpu) {
  for (const unsigned seed : {1u, 2u, 3u}) {
    const std::size_t tokens = 20 + 37 * seed;
    const both<tamp::bf16> c(random_kinds(tokens, seed),
                             random_attention(3, tokens, tokens, seed, false));
    const auto found = tamp::cuda::fitprune_statistics(on, c.on_gpu());
    const auto expected = token::fitprune::statistics(c.on_cpu());
    BOOST_TEST((found.to_host(on) == expected));
    BOOST_TEST(found.cross().cols() == tokens);
  }
}

BOOST_AUTO_TEST_CASE(fitprune_needs_the_queries_from_the_first_visual_token_on) {
  kinds_of kinds = random_kinds(60, 9);
  for (std::size_t t = 0; t < 11; ++t) kinds[t] = text;
  kinds[11] = image;
  check_equal(token::fitprune{}, both<float>(kinds, random_attention(3, 49, 60, 6, false), 11));
  const both<float> less(kinds, random_attention(3, 48, 60, 6, false), 12);
  check_error<tamp::value_error>(
      "fitprune reads the attention of the visual tokens, which the context does not show",
      [&] { token::select(on, less.on_gpu(), token::fitprune{}, {.keep = 3}); });
  check_error<tamp::value_error>(
      "fitprune reads the attention of the visual tokens, which the context does not show",
      [&] { token::select(less.on_cpu(), token::fitprune{}, {.keep = 3}); });
}

BOOST_AUTO_TEST_CASE(a_sequence_that_ends_with_its_image_is_refused_by_fitprune) {
  const both<float> c({text, image, image}, random_attention(1, 3, 3, 1, false));
  const auto refuse = [](auto&& body) {
    check_error<tamp::value_error>("fitprune: there is no token after the last visual one", body);
  };
  refuse([&] { token::select(on, c.on_gpu(), token::fitprune{}, {.keep = 1}); });
  refuse([&] { tamp::cuda::fitprune_statistics(on, c.on_gpu()); });
  // Nothing is refused if there is nothing to decide.
  for (const std::size_t keep : {0u, 2u})
    BOOST_TEST(token::select(on, c.on_gpu(), token::fitprune{}, {.keep = keep}).to_host(on) ==
                   token::select(c.on_cpu(), token::fitprune{}, {.keep = keep}).kept,
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(attention_that_cannot_be_used_is_named) {
  const kinds_of kinds{text, image, image, text, text};
  const auto check = [&](const auto& policy, float value, std::size_t head, std::size_t query,
                         std::size_t t, std::string_view sentence) {
    matrix<float> numbers(2 * 5, 5, 0.25f);
    numbers(head * 5 + query, t) = value;
    numbers(9, 2) = -1;                     // the last that is read
    numbers(9, 4) = support::not_a_number;  // attention to a word is not
    const both<float> c(kinds, numbers);
    const auto found = token::select(on, c.on_gpu(), policy, {.keep = 1});
    check_error<tamp::value_error>(sentence, [&] { found.to_host(on); });
    check_error<tamp::value_error>(sentence,
                                   [&] { token::select(c.on_cpu(), policy, {.keep = 1}); });
    // The same, the second head first, and with a number between two tokens.
    matrix<float> apart(2 * 5, 10, support::not_a_number);
    for (std::size_t row = 0; row < 10; ++row)
      for (std::size_t k = 0; k < 5; ++k) apart((row + 5) % 10, 2 * k) = numbers(row, k);
    const device_matrix<float> device(apart);
    const tamp::cuda::token_context<float> strided{
        kinds, {device.view().data() + 50, {2, 5, 5}, {-50, 10, 2}, 0}};
    check_error<tamp::value_error>(
        sentence, [&] { token::select(on, strided, policy, {.keep = 1}).to_host(on); });
    unsigned size = 7;
    cudaMemcpyAsync(&size, found.device_size(), sizeof size, cudaMemcpyDeviceToHost, nullptr);
    on.wait();
    BOOST_TEST(size == 0u);
  };
  check(token::attention_top_k{}, -0.5f, 0, 4, 1,
        "attention_top_k: the attention of head 0, query 4 to token 1 is -0.5");
  check(token::attention_top_k{}, support::not_a_number, 1, 4, 1,
        "attention_top_k: the attention of head 1, query 4 to token 1 is nan");
  check(token::attention_top_k{}, support::infinity, 0, 3, 1,  // a query that is not read
        "attention_top_k: the attention of head 1, query 4 to token 2 is -1");
  check(token::attention_top_k{}, support::infinity, 0, 4, 3,  // a token that is not read
        "attention_top_k: the attention of head 1, query 4 to token 2 is -1");
  check(token::fitprune{}, support::infinity, 0, 2, 2,
        "fitprune: the attention of head 0, query 2 to token 2 is inf");
  check(token::fitprune{}, -0.25f, 1, 1, 1,
        "fitprune: the attention of head 1, query 1 to token 1 is -0.25");
  check(token::fitprune{}, -0.25f, 1, 1, 0,  // a token that is not read
        "fitprune: the attention of head 1, query 4 to token 2 is -1");
}

BOOST_AUTO_TEST_CASE(shapes_are_refused_before_anything_is_started) {
  const both<float> c({text, image, image, text}, matrix<float>(4, 4, 0.25f));
  auto longer = c.on_gpu();
  const kinds_of kinds(5, image);
  longer.kinds = kinds;
  check_error<tamp::shape_error>(
      "attention_top_k: the attention covers 4 tokens, the kinds 5",
      [&] { token::select(on, longer, token::attention_top_k{}, {.keep = 1}); });
  check_error<tamp::value_error>(
      "attention_top_k: a minimum of 2 tokens per image is chosen by the CPU's token::select alone",
      [&] {
        token::select(on, c.on_gpu(), token::attention_top_k{},
                      {.keep = 1, .minimum_per_image = 2});
      });
  const tamp::cuda::token_context<float> blind{c.kinds, {}};
  check_error<tamp::value_error>(
      "attention_top_k reads the attention of the last query, which the context does not show",
      [&] { token::select(on, blind, token::attention_top_k{}, {.keep = 1}); });
  check_error<tamp::shape_error>(
      "attention_view: 2 queries from token 3 on leave a sequence of 4 tokens",
      [] { tamp::cuda::attention_view<float>(nullptr, 1, 2, 4, 3); });
  check_error<tamp::shape_error>(
      "attention_view: 2 queries from token 3 on leave a sequence of 4 tokens",
      [] { tamp::cuda::attention_view<float>(nullptr, {1, 2, 4}, {8, 4, 1}, 3); });
  check_error<tamp::shape_error>(
      "attention_view: 2 x 1 x 4 elements with strides of 2305843009213693952, 4 and 1 do not fit "
      "into memory",
      [] {
        tamp::cuda::attention_view<float>(nullptr, {2, 1, 4}, {std::ptrdiff_t{1} << 61, 4, 1}, 3);
      });
}

BOOST_AUTO_TEST_CASE(all_scratch_memory_is_given_back) {
  std::vector<std::byte> room(1 << 20);
  void* memory = nullptr;
  BOOST_REQUIRE(cudaMalloc(&memory, room.size()) == cudaSuccess);
  tamp::cuda::workspace space(memory, room.size());
  const both<float> c(random_kinds(40, 3), random_attention(2, 40, 40, 1, false));
  {
    const auto list =
        token::select(tamp::on(nullptr, space), c.on_gpu(), token::fitprune{}, {.keep = 4});
    list.to_host(on);
    BOOST_TEST(space.used() ==
               tamp::cuda::allocation_size(tamp::cuda::index_list::bytes_of(list.capacity())));
  }
  BOOST_TEST(space.used() == 0u);
  cudaFree(memory);
}

BOOST_AUTO_TEST_CASE(golden_vectors) {
  const support::golden_file file("attention");
  kinds_of kinds;
  for (const double visual : file.numbers.at("in.visual"))
    kinds.push_back(visual != 0 ? image : text);
  const auto& shape = file.shapes.at("in.attention.0.0");
  matrix<float> numbers(shape.at(0) * shape.at(1), shape.at(2));
  for (std::size_t k = 0; k < numbers.rows() * numbers.cols(); ++k)
    numbers.data()[k] = static_cast<float>(file.numbers.at("in.attention.0.0")[k]);
  const both<float> c(kinds, numbers);
  for (const auto& name : file.names_of("out.attention_top_k.")) {
    const std::size_t keep = std::stoul(name.substr(20));
    std::vector<double> mask(kinds.size());
    for (const std::size_t t :
         token::select(on, c.on_gpu(), token::attention_top_k{}, {.keep = keep}).to_host(on))
      mask[t] = 1;
    BOOST_TEST(mask == file.numbers.at(name), boost::test_tools::per_element());
  }
  const auto received = tamp::cuda::fitprune_statistics(on, c.on_gpu()).to_host(on);
  BOOST_TEST(received.cross == file.numbers.at("out.fitprune.cross"),
             boost::test_tools::tolerance(1e-5) << boost::test_tools::per_element());
  BOOST_TEST(received.self == file.numbers.at("out.fitprune.self"),
             boost::test_tools::tolerance(1e-5) << boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(choices_take_what_bytes_needed_says) {
  const both<float> c(random_kinds(300, 3), random_attention(2, 300, 300, 4, false));
  const auto check = [&](const auto& policy) {
    support::check_bytes_needed([&](const tamp::cuda::on_stream& given) {
      token::select(given, c.on_gpu(), policy, {.keep = 20});
    });
  };
  check(token::attention_top_k{});
  check(token::fitprune{});
  support::check_bytes_needed([&](const tamp::cuda::on_stream& given) {
    tamp::cuda::fitprune_statistics(given, c.on_gpu());
  });
}

BOOST_AUTO_TEST_SUITE_END()
