#include <tamp/token/dart.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_dart)

using support::indices;
using support::matrix;
using tamp::modality;
using tamp::token::dart;
using tamp::token::select;
using enum tamp::modality;

namespace {

// The docstring's rule by sorting, for numbers without ties.
indices by_definition(const dart& p, const support::scene& s, std::size_t count) {
  const auto norm = [&](std::size_t t) {
    double sum = 0;
    for (std::size_t j = 0; j < s.keys.cols(); ++j) sum += std::fabs(double(s.keys(t, j)));
    return sum;
  };
  const auto cosine = [&](std::size_t a, std::size_t b) {
    double product = 0, square = 0;
    for (std::size_t j = 0; j < s.hidden.cols(); ++j) {
      product += double(s.hidden(a, j)) * double(s.hidden(b, j));
      square += double(s.hidden(a, j)) * double(s.hidden(a, j));
    }
    return product / std::sqrt(square);  // b is the same for all that are compared
  };
  indices open = s.visual(), text;
  for (std::size_t t = open.back() + 1; t < s.tokens(); ++t) text.push_back(t);
  const auto by_norm = [&](std::size_t a, std::size_t b) { return norm(a) > norm(b); };
  std::sort(open.begin(), open.end(), by_norm);
  std::sort(text.begin(), text.end(), by_norm);
  const auto visual_pivots = std::ptrdiff_t(std::min(p.pivots, count));
  indices chosen(open.begin(), open.begin() + visual_pivots), around = chosen;
  open.erase(open.begin(), open.begin() + visual_pivots);
  text.resize(std::min(text.size(), p.text_pivots));
  around.insert(around.end(), text.begin(), text.end());
  const std::size_t rest = count - chosen.size();
  for (std::size_t k = 0; k < around.size(); ++k) {
    const std::size_t quota = rest / around.size() + (k < rest % around.size());
    std::sort(open.begin(), open.end(), [&](std::size_t a, std::size_t b) {
      return cosine(a, around[k]) < cosine(b, around[k]);
    });
    chosen.insert(chosen.end(), open.begin(), open.begin() + std::ptrdiff_t(quota));
    open.erase(open.begin(), open.begin() + std::ptrdiff_t(quota));
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Token 2 has the largest key by the sum of absolute values (5; by length token 0, with 4). The
  // other pivot is the word 6, not 5. Token 2 takes the one most unlike itself, token 0, and token
  // 6 one of what is left: token 3.
  const matrix<float> keys{{4, 0}, {1, 1}, {2, -3}, {1, 0}, {0, 1}, {1, 1}, {3, 0}};
  const matrix<float> hidden{{-1, 0.1f}, {1, 0.2f}, {1, 0}, {0, -1}, {0, 1}, {5, 5}, {0, 2}};
  const std::vector<modality> kinds{image, image, image, image, image, text, text};
  const tamp::token::context c{
      .kinds = kinds, .hidden = tamp::view(hidden), .keys = tamp::view(keys)};
  const auto keep = [&](std::size_t count) {
    return select(c, dart{.pivots = 1, .text_pivots = 1}, {count}).kept;
  };
  BOOST_TEST(keep(1) == (indices{2, 5, 6}), boost::test_tools::per_element());
  BOOST_TEST(keep(2) == (indices{0, 2, 5, 6}), boost::test_tools::per_element());
  BOOST_TEST(keep(3) == (indices{0, 2, 3, 5, 6}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 6; ++seed) {
    const auto s = support::scene_of(support::around_image(2, 23, 6), seed);
    for (const dart& p : {dart{}, dart{2, 0}, dart{0, 3}, dart{7, 100}})
      for (const std::size_t keep : {1u, 3u, 8u, 13u, 22u})
        BOOST_TEST(
            support::visual_kept(s, select(s.context(), p, {keep})) == by_definition(p, s, keep),
            boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(dart{}, {.last_of_equals = true, .pivots_of_text = true});
  support::check_selector(dart{1, 0}, {.last_of_equals = true, .pivots_of_text = true});
  support::check_selector(dart{100, 100}, {.last_of_equals = true, .pivots_of_text = true});
}

BOOST_AUTO_TEST_CASE(pivots_stay) {
  auto s = support::scene_of(support::around_image(2, 20, 3), 2);
  for (std::size_t j = 0; j < s.keys.cols(); ++j) s.keys(4, j) = s.keys(17, j) = 100;
  const auto made = select(s.context(), dart{}, {4}).kept;
  BOOST_TEST(std::count(made.begin(), made.end(), 4u) == 1);
  BOOST_TEST(std::count(made.begin(), made.end(), 17u) == 1);
}

BOOST_AUTO_TEST_CASE(the_published_budget_does_not_count_visual_pivots) {
  BOOST_TEST(dart{}.published_count(128) == 132u);
  BOOST_TEST(dart{}.published_count(64) == 68u);
  BOOST_TEST(dart{}.published_count(71) == 68u);  // each of 8 pivots gets 8
  BOOST_TEST((dart{3, 0}.published_count(10)) == 12u);
  BOOST_TEST(dart{}.published_count(0) == 4u);
  support::check_error<tamp::value_error>("dart: without pivots no budget is divided",
                                          [] { dart{0, 0}.published_count(64); });
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  support::check_error<tamp::value_error>(
      tamp::detail::sentence("dart: ", most, " and 4 together are too large to be counted"),
      [] { dart{most, 4}.published_count(64); });
}

BOOST_AUTO_TEST_CASE(hidden_states_of_the_text_are_read_of_pivots_alone) {
  const auto whole = support::scene_of(support::around_image(2, 9, 6), 4);
  const auto expected = select(whole.context(), dart{2, 2}, {5});
  std::size_t refused = 0;
  for (std::size_t t = 11; t < 17; ++t) {
    auto s = whole;
    s.hidden(t, 3) = support::not_a_number;
    std::size_t larger = 0;  // how many words have larger keys
    const auto norm = [&](std::size_t word) {
      double sum = 0;
      for (std::size_t j = 0; j < s.keys.cols(); ++j) sum += std::fabs(double(s.keys(word, j)));
      return sum;
    };
    for (std::size_t word = 11; word < 17; ++word) larger += norm(word) > norm(t);
    if (larger >= 2) {
      BOOST_TEST((select(s.context(), dart{2, 2}, {5}) == expected));
      continue;
    }
    ++refused;
    support::check_error<tamp::value_error>(
        "dart 2 2: the hidden state of token " + std::to_string(t) + ", feature 3 is nan",
        [&] { select(s.context(), dart{2, 2}, {5}); });
  }
  BOOST_TEST(refused == 2u);
}

BOOST_AUTO_TEST_CASE(without_a_pivot_it_is_refused) {
  const auto s = support::scene_of(support::around_image(2, 5, 3), 2);
  support::check_error<tamp::value_error>(
      "dart: of 0 visual pivots and 0 of the text after them there is none",
      [&] { select(s.context(), dart{0, 0}, {2}); });
  const auto no_text = support::scene_of(support::around_image(2, 5, 0), 2);
  support::check_error<tamp::value_error>(
      "dart: of 0 visual pivots and 4 of the text after them there is none",
      [&] { select(no_text.context(), dart{0, 4}, {2}); });
}

BOOST_AUTO_TEST_SUITE_END()
