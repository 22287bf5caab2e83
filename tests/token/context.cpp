#include <tamp/token/context.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tamp/token/select.hpp>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"
#include "../support/preconditions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_context)

using support::check_error;
using support::matrix;
using tamp::modality;
using tamp::observable;
using tamp::token::attention_view;
using tamp::token::context;
using tamp::token::shown;
using enum tamp::modality;

namespace {

constexpr observable any = observable::attention, last = observable::last_query,
                     words = observable::text_queries, patches = observable::visual_queries;

// A policy that reads this and keeps the first tokens.
template <observable Reads>
struct reader {
  using role = tamp::role::token;
  static constexpr observable reads = Reads;
  std::string label() const { return "reader"; }
  std::vector<std::size_t> operator()(const context&, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    return {candidates.begin(), candidates.begin() + std::ptrdiff_t(count)};
  }
};

template <observable Reads>
void ask(const context& c) {
  tamp::token::select(c, reader<Reads>{}, {.keep = 1});
}

}  // namespace

BOOST_AUTO_TEST_CASE(observables_are_a_set_and_can_be_named) {
  BOOST_TEST((includes(any | observable::keys, observable::keys)));
  BOOST_TEST((!includes(any | observable::keys, observable::hidden)));
  BOOST_TEST((!includes(any, any | observable::keys)));
  BOOST_TEST((((any | observable::keys) & ~any) == observable::keys));
  BOOST_TEST(names(observable::none) == "nothing");
  BOOST_TEST(names(observable::keys | last) == "the attention of the last query and keys");
  BOOST_TEST(
      names(any | words | patches | observable::hidden) ==
      "hidden states and attention and the attention of the text after the last visual token and "
      "the attention of the visual tokens");
}

BOOST_AUTO_TEST_CASE(a_row_of_attention_is_found_by_head_and_query) {
  std::vector<float> numbers(2 * 2 * 5);
  for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = float(k);
  const attention_view a(numbers, 2, 2, 5, 3);
  BOOST_TEST(a.row(0, 3)[0] == 0.0f);
  BOOST_TEST(a.row(0, 4)[1] == 6.0f);
  BOOST_TEST(a.row(1, 3)[4] == 14.0f);
  BOOST_TEST(a.row(1, 4).size() == 5u);
  BOOST_TEST(a.covers(3, 5));
  BOOST_TEST(!a.covers(2, 4));
  BOOST_TEST(attention_view().empty());
  BOOST_TEST(!attention_view().covers(0, 0));
  const attention_view all(std::span<const float>(numbers).first(18), 2, 3);
  BOOST_TEST(all.queries() == 3u);
  BOOST_TEST(all.covers(0, 3));
}

BOOST_AUTO_TEST_CASE(attention_that_does_not_fit_is_refused) {
  const std::vector<float> numbers(20);
  check_error<tamp::shape_error>(
      "attention_view: 20 numbers are not 2 heads x 2 queries x 4 tokens",
      [&] { attention_view(numbers, 2, 2, 4, 0); });
  check_error<tamp::shape_error>(
      "attention_view: 2 queries from token 4 on leave a sequence of 5 tokens",
      [&] { attention_view(numbers, 2, 2, 5, 4); });
  check_error<tamp::shape_error>(
      "attention_view: 2 queries from token 9 on leave a sequence of 5 tokens",
      [&] { attention_view(numbers, 2, 2, 5, 9); });
}

BOOST_AUTO_TEST_CASE(it_knows_its_visual_tokens_and_where_the_text_begins) {
  const std::vector<modality> kinds{text, image, audio, text, video, text, text};
  const std::vector<std::size_t> positions{0, 4, 5, 9, 11, 12, 13}, visual{1, 2, 4};
  const context c{.kinds = kinds, .positions = positions};
  BOOST_TEST(c.visual() == visual, boost::test_tools::per_element());
  BOOST_TEST(c.text_begin() == 5u);
  BOOST_TEST(c.position(3) == 9u);
  BOOST_TEST(context{.kinds = kinds}.position(3) == 3u);
  BOOST_TEST(context{}.text_begin() == 0u);
  const std::vector<modality> no_text{image, image}, no_image{text, text};
  BOOST_TEST(context{.kinds = no_text}.text_begin() == 2u);
  BOOST_TEST(context{.kinds = no_image}.text_begin() == 0u);
}

BOOST_AUTO_TEST_CASE(what_rows_of_attention_show) {
  const std::vector<modality> kinds{text, image, image, text, text};
  const std::vector<float> numbers(5 * 5);
  const auto with = [&](std::size_t first, std::size_t queries) {
    return shown({.kinds = kinds,
                  .attention = {std::span(numbers).first(queries * 5), 1, queries, 5, first}});
  };
  BOOST_TEST((with(0, 5) == (any | last | words | patches)));
  BOOST_TEST((with(4, 1) == (any | last)));
  BOOST_TEST((with(3, 2) == (any | last | words)));
  BOOST_TEST((with(3, 1) == any));
  BOOST_TEST((with(1, 2) == (any | patches)));
  BOOST_TEST((with(1, 4) == (any | last | words | patches)));
  BOOST_TEST((with(0, 1) == any));
  BOOST_TEST((shown({.kinds = kinds}) == observable::none));
}

BOOST_AUTO_TEST_CASE(where_no_text_follows_the_last_token_speaks_for_it) {
  const std::vector<modality> kinds{text, image, image};
  const std::vector<float> numbers(9);
  const auto with = [&](std::size_t first, std::size_t queries) {
    return shown({.kinds = kinds,
                  .attention = {std::span(numbers).first(queries * 3), 1, queries, 3, first}});
  };
  BOOST_TEST((with(2, 1) == (any | last | words)));
  BOOST_TEST((with(1, 1) == any));
  BOOST_TEST((with(1, 2) == (any | last | words | patches)));
}

BOOST_AUTO_TEST_CASE(hidden_states_and_keys_of_all_tokens_are_shown) {
  const std::vector<modality> kinds{text, image, image};
  const matrix<float> three(3, 2), none(3, 0);
  BOOST_TEST((shown({.kinds = kinds, .hidden = tamp::view(three)}) == observable::hidden));
  BOOST_TEST((shown({.kinds = kinds, .keys = tamp::view(three)}) == observable::keys));
  BOOST_TEST((shown({.kinds = kinds, .keys = tamp::view(none)}) == observable::keys));
}

BOOST_AUTO_TEST_CASE(parts_of_different_lengths_are_refused_even_if_nobody_reads_them) {
  const std::vector<modality> kinds{text, image, image};
  const matrix<float> two(2, 4);
  const std::vector<float> four(4);
  const std::vector<std::uint32_t> images(2);
  const std::vector<std::size_t> positions(1);
  const auto refuse = [&](const std::string& sentence, const context& c) {
    check_error<tamp::shape_error>("reader: the " + sentence + " tokens, the kinds 3",
                                   [&] { ask<observable::none>(c); });
  };
  refuse("attention covers 4", {.kinds = kinds, .attention = {four, 1, 1, 4, 0}});
  refuse("hidden states cover 2", {.kinds = kinds, .hidden = tamp::view(two)});
  refuse("keys cover 2", {.kinds = kinds, .keys = tamp::view(two)});
  refuse("relevances cover 4", {.kinds = kinds, .relevance = four});
  refuse("images cover 2", {.kinds = kinds, .images = images});
  refuse("positions cover 1", {.kinds = kinds, .positions = positions});
  refuse("sizes cover 4", {.kinds = kinds, .sizes = four});
}

BOOST_AUTO_TEST_CASE(sizes_and_relevances_that_cannot_be_used_are_refused) {
  const std::vector<modality> kinds{text, image, image};
  const auto refuse = [&](const std::string& sentence, std::vector<float> sizes,
                          std::vector<float> relevance) {
    check_error<tamp::value_error>(sentence, [&] {
      ask<observable::none>({.kinds = kinds, .relevance = relevance, .sizes = sizes});
    });
  };
  refuse("reader: the size of token 1 is 0", {1, 0, 1}, {});
  refuse("reader: the size of token 2 is inf", {1, 1, support::infinity}, {});
  refuse("reader: the size of token 0 is nan", {support::not_a_number, 1, 1}, {});
  refuse("reader: the relevance of token 2 is -inf", {}, {1, 1, -support::infinity});
}

BOOST_AUTO_TEST_CASE(only_the_rows_of_attention_that_are_read_are_looked_at) {
  const std::vector<modality> kinds{text, image, image, text, text};
  for (std::size_t broken = 0; broken < 5; ++broken) {
    std::vector<float> numbers(2 * 5 * 5, 0.2f);
    numbers[(5 + broken) * 5 + 2] = support::not_a_number;  // of head 1
    const context c{.kinds = kinds, .attention = {numbers, 2, 5}};
    const std::string sentence =
        "reader: the attention of head 1, query " + std::to_string(broken) + " to token 2 is nan";
    const auto refused_by = [&](bool expected, auto reads) {
      const auto with = [&] { ask<decltype(reads)::value>(c); };
      if (expected)
        check_error<tamp::value_error>(sentence, with);
      else
        BOOST_CHECK_NO_THROW(with());
    };
    refused_by(true, std::integral_constant<observable, any>{});
    refused_by(broken == 4, std::integral_constant<observable, last>{});
    refused_by(broken >= 3, std::integral_constant<observable, words>{});
    refused_by(broken == 1 || broken == 2, std::integral_constant<observable, patches>{});
    refused_by(broken >= 1, std::integral_constant < observable, patches | words > {});
    refused_by(false, std::integral_constant<observable, observable::none>{});
  }
}

BOOST_AUTO_TEST_CASE(where_nothing_is_visual_nothing_is_read) {
  const std::vector<modality> kinds{text, text};
  const std::vector<float> numbers(4, support::not_a_number);
  const matrix<float> hidden(2, 3, support::not_a_number);
  constexpr observable all = any | last | words | patches | observable::hidden | observable::keys;
  BOOST_CHECK_NO_THROW(ask<all>({.kinds = kinds}));
  BOOST_CHECK_NO_THROW(
      ask<all>({.kinds = kinds, .attention = {numbers, 1, 2}, .hidden = tamp::view(hidden)}));
  BOOST_CHECK_NO_THROW(ask<all>({}));
}

BOOST_AUTO_TEST_CASE(attention_whose_sizes_wrap_or_that_lies_nowhere_is_refused) {
  const std::vector<float> numbers(64);
  constexpr std::size_t large = std::size_t{1} << 60;
  check_error<tamp::shape_error>(
      "attention_view: 64 numbers are not 1152921504606846980 heads x 1 queries x 16 tokens",
      [&] { attention_view(numbers, large + 4, 1, 16, 15); });
  check_error<tamp::shape_error>(
      "attention_view: 0 numbers are not 1152921504606846976 heads x 16 queries x 16 tokens",
      [&] { attention_view({}, large, 16, 16, 0); });
  check_error<tamp::shape_error>(
      "attention_view: 0 numbers are not 16 heads x 1152921504606846976 queries x 1 tokens",
      [&] { attention_view({}, 16, large, 1, 0); });
  check_error<tamp::shape_error>(
      "attention_view: 4 queries from token 18446744073709551614 on leave a sequence of 16 tokens",
      [&] { attention_view(numbers, 1, 4, 16, static_cast<std::size_t>(-2)); });
  check_error<tamp::shape_error>("attention_view: 64 numbers lie at a null pointer", [] {
    attention_view(std::span<const float>(static_cast<const float*>(nullptr), 64), 1, 4, 16, 0);
  });
}

BOOST_AUTO_TEST_CASE(parts_of_a_context_that_lie_nowhere_are_refused) {
  const std::vector<modality> kinds(2, image);
  const std::vector<float> numbers(4, 1.0f);
  const auto check = [&](std::string_view sentence, auto&& change) {
    context c;
    c.kinds = kinds;
    c.hidden = c.keys = tamp::view(numbers, 2, 2);
    change(c);
    check_error<tamp::shape_error>(sentence, [&] {
      tamp::detail::check_context("test", c, observable::hidden | observable::keys);
    });
  };
  const tamp::matrix_view<const float> nowhere(nullptr, 2, 2);
  const auto list = []<class T>(std::span<const T>& part) {
    part = std::span<const T>(static_cast<const T*>(nullptr), 2);
  };
  check("test: hidden states: 2 x 2 elements lie at a null pointer",
        [&](context& c) { c.hidden = nowhere; });
  check("test: keys: 2 x 2 elements lie at a null pointer", [&](context& c) { c.keys = nowhere; });
  check("test: 2 kinds lie at a null pointer", [&](context& c) { list(c.kinds); });
  check("test: 2 relevances lie at a null pointer", [&](context& c) { list(c.relevance); });
  check("test: 2 images lie at a null pointer", [&](context& c) { list(c.images); });
  check("test: 2 positions lie at a null pointer", [&](context& c) { list(c.positions); });
  check("test: 2 sizes lie at a null pointer", [&](context& c) { list(c.sizes); });
}

BOOST_AUTO_TEST_CASE(a_debug_build_says_which_token_is_none) {
  const std::vector<modality> kinds(2, image);
  const std::vector<float> numbers(8);
  context c;
  c.kinds = kinds;
  c.attention = attention_view(numbers, 2, 2, 2, 0);
  support::check_aborts("context: token 2 of 2", [&] { (void)c.is_visual(2); });
  support::check_aborts("context: token 3 of 2", [&] { (void)c.position(3); });
  support::check_aborts(
      "attention_view: the row of head 2, query 0 of 2 heads and 2 queries from 0 on",
      [&] { (void)c.attention.row(2, 0); });
  support::check_aborts(
      "attention_view: the row of head 0, query 2 of 2 heads and 2 queries from 0 on",
      [&] { (void)c.attention.row(0, 2); });
}

BOOST_AUTO_TEST_SUITE_END()
