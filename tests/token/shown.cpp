#include <tamp/token/shown.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <vector>

#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_shown)

using support::matrix;
using tamp::modality;
using tamp::observable;
using tamp::token::shown;
using enum tamp::modality;

namespace {

constexpr observable any = observable::attention, last = observable::last_query,
                     words = observable::text_queries, patches = observable::visual_queries;

}  // namespace

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
  const matrix<float> three(3, 2), none(3, 0), two(2, 2);
  BOOST_TEST((shown({.kinds = kinds, .hidden = tamp::view(three)}) == observable::hidden));
  BOOST_TEST((shown({.kinds = kinds, .keys = tamp::view(three)}) == observable::keys));
  BOOST_TEST((shown({.kinds = kinds, .keys = tamp::view(none)}) == observable::keys));
  BOOST_TEST((shown({.kinds = kinds, .hidden = tamp::view(two), .keys = tamp::view(two)}) ==
              observable::none));
}

BOOST_AUTO_TEST_CASE(grids_and_importance_are_shown_if_they_are_there) {
  const std::vector<modality> kinds{text, image, image};
  const std::vector<float> importance(3);
  const tamp::token::grid g{1, 1, 2};
  BOOST_TEST((shown({.kinds = kinds, .importance = importance}) == observable::importance));
  BOOST_TEST((shown({.kinds = kinds, .grids = {&g, 1}}) == observable::grid));
}

BOOST_AUTO_TEST_SUITE_END()
