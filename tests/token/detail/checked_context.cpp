#include <tamp/token/detail/checked_context.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_detail_checked_context)

using support::check_error;
using support::matrix;
using tamp::modality;
using tamp::observable;
using tamp::detail::check_context;
using tamp::token::context;
using enum tamp::modality;

namespace {

constexpr observable any = observable::attention, last = observable::last_query,
                     words = observable::text_queries, patches = observable::visual_queries;

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_read_and_not_shown_is_refused_by_name) {
  const std::vector<modality> kinds{text, image, text};
  const std::vector<float> numbers(3);
  const matrix<float> hidden(3, 2);
  const context c{.kinds = kinds, .attention = {numbers, 1, 1, 3, 2}, .hidden = tamp::view(hidden)};
  BOOST_CHECK_NO_THROW(check_context("reader", c, observable::hidden | last | words));
  check_error<tamp::value_error>("reader reads keys, which the context does not show",
                                 [&] { check_context("reader", c, last | observable::keys); });
  check_error<tamp::value_error>(
      "reader reads hidden states and the attention of the visual tokens, which the context does "
      "not show",
      [&] { check_context("reader", {.kinds = kinds}, observable::hidden | patches); });
}

BOOST_AUTO_TEST_CASE(parts_of_different_lengths_are_refused_even_if_nobody_reads_them) {
  const std::vector<modality> kinds{text, image, image};
  const matrix<float> two(2, 4);
  const std::vector<float> four(4);
  const std::vector<std::uint32_t> images(2);
  const std::vector<std::size_t> positions(1);
  const auto refuse = [&](const std::string& sentence, const context& c) {
    check_error<tamp::shape_error>("reader: the " + sentence + " tokens, the kinds 3",
                                   [&] { check_context("reader", c, observable::none); });
  };
  refuse("attention covers 4", {.kinds = kinds, .attention = {four, 1, 1, 4, 0}});
  refuse("hidden states cover 2", {.kinds = kinds, .hidden = tamp::view(two)});
  refuse("keys cover 2", {.kinds = kinds, .keys = tamp::view(two)});
  refuse("keys cover 2",
         {.kinds = kinds, .keys = {four.data(), tamp::dtype::bf16, {1, 2, 4}, {0, 4, 1}}});
  refuse("relevances cover 4", {.kinds = kinds, .relevance = four});
  refuse("importances cover 4", {.kinds = kinds, .importance = four});
  refuse("images cover 2", {.kinds = kinds, .images = images});
  refuse("positions cover 1", {.kinds = kinds, .positions = positions});
  refuse("sizes cover 4", {.kinds = kinds, .sizes = four});
}

BOOST_AUTO_TEST_CASE(sizes_and_relevances_that_cannot_be_used_are_refused) {
  const std::vector<modality> kinds{text, image, image};
  const auto refuse = [&](const std::string& sentence, std::vector<float> sizes,
                          std::vector<float> relevance) {
    check_error<tamp::value_error>(sentence, [&] {
      check_context("reader", {.kinds = kinds, .relevance = relevance, .sizes = sizes},
                    observable::none);
    });
  };
  refuse("reader: the size of token 1 is 0", {1, 0, 1}, {});
  refuse("reader: the size of token 2 is inf", {1, 1, support::infinity}, {});
  refuse("reader: the size of token 0 is nan", {support::not_a_number, 1, 1}, {});
  refuse("reader: the relevance of token 2 is -inf", {}, {1, 1, -support::infinity});
}

BOOST_AUTO_TEST_CASE(importance_is_looked_at_where_it_is_read) {
  const std::vector<modality> kinds{text, image, image};
  std::vector<float> importance{support::not_a_number, -1, 1};
  const context c{.kinds = kinds, .importance = importance};
  BOOST_CHECK_NO_THROW(check_context("reader", c, observable::importance));
  importance[2] = support::infinity;
  BOOST_CHECK_NO_THROW(check_context("reader", c, observable::none));
  check_error<tamp::value_error>("reader: the importance of token 2 is inf",
                                 [&] { check_context("reader", c, observable::importance); });
  check_error<tamp::value_error>(
      "reader reads the importance of tokens, which the context does not show",
      [&] { check_context("reader", {.kinds = kinds}, observable::importance); });
}

BOOST_AUTO_TEST_CASE(grids_that_are_not_those_of_the_images_are_refused) {
  const std::vector<modality> kinds{text, image, image};
  const tamp::token::grid g{2, 1, 2};
  check_error<tamp::shape_error>(
      "reader: the grid of image 0 is of 2 x 1 x 2 tokens, the image of 2",
      [&] { check_context("reader", {.kinds = kinds, .grids = {&g, 1}}, observable::none); });
}

BOOST_AUTO_TEST_CASE(only_the_rows_of_attention_that_are_read_are_looked_at) {
  const std::vector<modality> kinds{text, image, image, text, text};
  for (std::size_t broken = 0; broken < 5; ++broken) {
    std::vector<float> numbers(2 * 5 * 5, 0.2f);
    numbers[(5 + broken) * 5 + 2] = support::not_a_number;  // of head 1
    const context c{.kinds = kinds, .attention = {numbers, 2, 5}};
    const std::string sentence =
        "reader: the attention of head 1, query " + std::to_string(broken) + " to token 2 is nan";
    const auto refused_by = [&](bool expected, observable reads) {
      const auto with = [&] { check_context("reader", c, reads); };
      if (expected)
        check_error<tamp::value_error>(sentence, with);
      else
        BOOST_CHECK_NO_THROW(with());
    };
    refused_by(true, any);
    refused_by(broken == 4, last);
    refused_by(broken >= 3, words);
    refused_by(broken == 1 || broken == 2, patches);
    refused_by(broken >= 1, patches | words);
    refused_by(false, observable::none);
  }
}

BOOST_AUTO_TEST_CASE(queries_of_text_between_images_are_not_those_of_visual_tokens) {
  const std::vector<modality> kinds{image, text, image, text};
  std::vector<float> numbers(4 * 4, 0.2f);
  numbers[1 * 4 + 2] = support::not_a_number;
  const context c{.kinds = kinds, .attention = {numbers, 1, 4}};
  BOOST_CHECK_NO_THROW(check_context("reader", c, patches | words));
  check_error<tamp::value_error>("reader: the attention of head 0, query 1 to token 2 is nan",
                                 [&] { check_context("reader", c, any); });
}

BOOST_AUTO_TEST_CASE(only_the_tokens_that_are_read_are_looked_at) {
  using tamp::token::token_set;
  const std::vector<modality> kinds{text, image, text, image, text};
  for (std::size_t broken = 0; broken < 5; ++broken) {
    matrix<float> hidden(5, 2), keys(5, 2);
    std::vector<float> relevance(5), attention(5, 0.2f);
    hidden(broken, 1) = keys(broken, 0) = relevance[broken] = support::not_a_number;
    attention[broken] = -1;
    const context c{.kinds = kinds,
                    .attention = {attention, 1, 1, 5, 4},
                    .hidden = tamp::view(hidden),
                    .keys = tamp::view(keys),
                    .relevance = relevance};
    const std::string token = std::to_string(broken);
    constexpr token_set none = token_set::none;
    for (const token_set set : {token_set::visual, token_set::text_before, token_set::text_after}) {
      const auto check = [&](const std::string& sentence, const tamp::token::tokens_read& read) {
        const auto with = [&] {
          check_context("reader", c, last | observable::hidden | observable::keys, read);
        };
        if (tamp::detail::set_members(c, set)(broken))
          check_error<tamp::value_error>("reader: the " + sentence, with);
        else
          BOOST_CHECK_NO_THROW(with());
      };
      check("hidden state of token " + token + ", feature 1 is nan", {set, none, none, none});
      check("key of token " + token + ", feature 0 is nan", {none, set, none, none});
      check("attention of head 0, query 4 to token " + token + " is -1", {none, none, set, none});
      check("relevance of token " + token + " is nan", {none, none, none, set});
    }
  }
}

BOOST_AUTO_TEST_CASE(hidden_states_and_keys_that_are_read_are_finite) {
  const std::vector<modality> kinds{text, image, image};
  matrix<float> hidden(3, 4), keys(3, 2);
  hidden(2, 1) = support::infinity;
  keys(1, 0) = support::not_a_number;
  const context c{.kinds = kinds, .hidden = tamp::view(hidden), .keys = tamp::view(keys)};
  check_error<tamp::value_error>("reader: the hidden state of token 2, feature 1 is inf",
                                 [&] { check_context("reader", c, observable::hidden); });
  check_error<tamp::value_error>("reader: the key of token 1, feature 0 is nan",
                                 [&] { check_context("reader", c, observable::keys); });
  BOOST_CHECK_NO_THROW(check_context("reader", c, observable::none));
}

BOOST_AUTO_TEST_CASE(where_nothing_is_visual_nothing_is_read) {
  const std::vector<modality> kinds{text, text};
  const std::vector<float> numbers(4, support::not_a_number);
  const matrix<float> hidden(2, 3, support::not_a_number);
  constexpr observable all = any | last | words | patches | observable::hidden | observable::keys;
  BOOST_CHECK_NO_THROW(check_context("reader", {.kinds = kinds}, all));
  BOOST_CHECK_NO_THROW(check_context(
      "reader", {.kinds = kinds, .attention = {numbers, 1, 2}, .hidden = tamp::view(hidden)}, all));
  BOOST_CHECK_NO_THROW(check_context("reader", {}, all));
}

BOOST_AUTO_TEST_CASE(parts_of_a_context_that_lie_nowhere_are_refused) {
  const std::vector<modality> kinds(2, image);
  const std::vector<float> numbers(4, 1.0f);
  const auto check = [&](std::string_view sentence, auto&& change) {
    context c;
    c.kinds = kinds;
    c.hidden = c.keys = tamp::view(numbers, 2, 2);
    change(c);
    check_error<tamp::shape_error>(
        sentence, [&] { check_context("test", c, observable::hidden | observable::keys); });
  };
  const tamp::matrix_view<const float> nowhere(nullptr, 2, 2);
  const auto list = []<class T>(std::span<const T>& part) {
    part = std::span<const T>(static_cast<const T*>(nullptr), 2);
  };
  check("test: hidden states: 2 x 2 elements lie at a null pointer",
        [&](context& c) { c.hidden = nowhere; });
  check("test: keys: 2 x 2 elements lie at a null pointer", [&](context& c) { c.keys = nowhere; });
  check("test: keys: 2 x 2 x 3 elements lie at a null pointer",
        [&](context& c) { c.keys = {nullptr, tamp::dtype::f16, {2, 2, 3}, {6, 3, 1}}; });
  check(
      "test: hidden states: 2 x 2 elements with strides of 1 and 2305843009213693952 do not fit "
      "into memory",
      [&](context& c) {
        c.hidden =
            tamp::any_view(numbers.data(), tamp::dtype::f32, 2, 2, 1, std::ptrdiff_t{1} << 61);
      });
  check("test: 2 kinds lie at a null pointer", [&](context& c) { list(c.kinds); });
  check("test: 2 relevances lie at a null pointer", [&](context& c) { list(c.relevance); });
  check("test: 2 images lie at a null pointer", [&](context& c) { list(c.images); });
  check("test: 2 positions lie at a null pointer", [&](context& c) { list(c.positions); });
  check("test: 2 sizes lie at a null pointer", [&](context& c) { list(c.sizes); });
}

BOOST_AUTO_TEST_SUITE_END()
