#include <tamp/token/tokens_read.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string>
#include <tamp/token/select.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_tokens_read)

using support::matrix;
using tamp::modality;
using tamp::observable;
using tamp::token::context;
using tamp::token::token_set;
using tamp::token::tokens_read;
using enum tamp::modality;

namespace {

// A user's policies, with and without a declaration.
struct first_ones {
  using role = tamp::role::token;
  static constexpr observable reads = observable::hidden | observable::keys;
  std::string label() const { return "first_ones"; }
  std::vector<std::size_t> operator()(const context&, std::span<const std::size_t> candidates,
                                      std::size_t count) const {
    return {candidates.begin(), candidates.begin() + std::ptrdiff_t(count)};
  }
};

struct careful : first_ones {
  token_set text = token_set::none;
  tokens_read read_tokens(const context&) const {
    return {.hidden = token_set::visual, .keys = token_set::visual | text};
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(sets_are_of_visual_tokens_and_of_text_before_and_after_the_last_of_them) {
  const std::vector<modality> kinds{text, image, text, video, text, text};
  const context c{.kinds = kinds};
  const auto members = [&](token_set set) {
    std::string found;
    for (std::size_t t = 0; t < c.tokens(); ++t)
      found += tamp::detail::set_members(c, set)(t) ? 'x' : '.';
    return found;
  };
  BOOST_TEST(members(token_set::none) == "......");
  BOOST_TEST(members(token_set::visual) == ".x.x..");
  BOOST_TEST(members(token_set::text_before) == "x.x...");
  BOOST_TEST(members(token_set::text_after) == "....xx");
  BOOST_TEST(members(token_set::visual | token_set::text_after) == ".x.xxx");
  BOOST_TEST(members(token_set::all) == "xxxxxx");
}

BOOST_AUTO_TEST_CASE(a_policy_that_declares_nothing_reads_all) {
  BOOST_TEST((tamp::detail::tokens_read_by(first_ones{}, {}) == tokens_read{}));
  BOOST_TEST((tokens_read{}.hidden == token_set::all && tokens_read{}.keys == token_set::all));
  BOOST_TEST((tokens_read{}.attention == token_set::all));
  BOOST_TEST((tokens_read{}.relevance == token_set::all));
  BOOST_TEST((tamp::detail::tokens_read_by(careful{}, {}).hidden == token_set::visual));
}

BOOST_AUTO_TEST_CASE(what_a_policy_does_not_read_is_not_examined) {
  const std::vector<modality> kinds{text, image, text, image, text};
  const auto select = [&](std::size_t broken, bool hidden_too, const auto& policy) {
    matrix<float> hidden(5, 2), keys(5, 2);
    keys(broken, 1) = support::not_a_number;
    if (hidden_too) hidden(broken, 0) = support::infinity;
    const context c{.kinds = kinds, .hidden = tamp::view(hidden), .keys = tamp::view(keys)};
    return tamp::token::select(c, policy, {.keep = 1}).kept;
  };
  for (const std::size_t word : {0u, 2u, 4u}) {
    BOOST_TEST(select(word, true, careful{}).size() == 4u);
    support::check_error<tamp::value_error>(
        "first_ones: the hidden state of token " + std::to_string(word) + ", feature 0 is inf",
        [&] { select(word, true, first_ones{}); });
  }
  support::check_error<tamp::value_error>("first_ones: the key of token 3, feature 1 is nan",
                                          [&] { select(3, false, careful{}); });
  support::check_error<tamp::value_error>("first_ones: the key of token 4, feature 1 is nan", [&] {
    select(4, true, careful{{}, token_set::text_after});
  });
}

BOOST_AUTO_TEST_SUITE_END()
