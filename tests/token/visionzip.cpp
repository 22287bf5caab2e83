#include <tamp/token/visionzip.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "../support/selectors.hpp"

BOOST_AUTO_TEST_SUITE(token_visionzip)

using support::indices;
using support::matrix;
using tamp::modality;
using tamp::token::select;
using tamp::token::selection;
using tamp::token::visionzip;
using enum tamp::modality;

namespace {

// For each token of the context the token that it is part of, or nowhere.
indices owners(const selection& made) {
  indices all;
  for (const std::size_t place : made.into)
    all.push_back(place == selection::nowhere ? place : made.kept[place]);
  return all;
}

// The docstring's rule by sorting, for numbers without ties.
indices by_definition(const visionzip& p, const support::scene& s, std::size_t count) {
  const std::size_t length = s.keys.cols() / p.key_heads;
  const auto score = [&](std::size_t t) {
    double sum = 0;
    for (std::size_t head = 0; head < support::scene::heads; ++head)
      for (std::size_t q = 0; q < s.tokens(); ++q) sum += double(s.attention_of(head, q, t));
    return sum;
  };
  const auto key = [&](std::size_t t) {
    std::vector<double> mean(length);
    for (std::size_t j = 0; j < s.keys.cols(); ++j) mean[j % length] += double(s.keys(t, j));
    return mean;
  };
  const auto cosine = [&](std::size_t a, std::size_t b) {
    const auto x = key(a), y = key(b);
    double xy = 0, xx = 0, yy = 0;
    for (std::size_t j = 0; j < length; ++j) {
      xy += x[j] * y[j];
      xx += x[j] * x[j];
      yy += y[j] * y[j];
    }
    return xy / std::sqrt(xx * yy);
  };
  indices others = s.visual(), owner(s.tokens());
  for (std::size_t t = 0; t < s.tokens(); ++t) owner[t] = t;
  std::sort(others.begin(), others.end(),
            [&](std::size_t a, std::size_t b) { return score(a) > score(b); });
  const auto dominant = std::size_t(std::floor(double(count) * p.dominant));
  others.erase(others.begin(), others.begin() + std::ptrdiff_t(dominant));
  std::sort(others.begin(), others.end());
  const std::size_t contextual = count - dominant;
  indices targets;
  for (std::size_t k = 0; k < contextual; ++k)
    targets.push_back(others[k * (others.size() / contextual)]);
  for (const std::size_t t : others) {
    if (targets.empty()) owner[t] = selection::nowhere;
    if (targets.empty() || std::find(targets.begin(), targets.end(), t) != targets.end()) continue;
    owner[t] = *std::max_element(targets.begin(), targets.end(), [&](std::size_t a, std::size_t b) {
      return cosine(t, a) < cosine(t, b);
    });
  }
  return owner;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // The class token, 0, looks at patches 3 and 5 most. Of the others, 1, 2, 4, 6, 7, every second
  // one from the first on is a target: 1 and 4. The key of 2 is like that of 4, those of 6 and 7
  // like 1.
  const std::vector<modality> kinds{text, image, image, image, image, image, image, image};
  const std::vector<float> attention{0.1f, 0.05f, 0.1f, 0.3f, 0.1f, 0.2f, 0.1f, 0.05f};
  const matrix<float> keys{{0, 0}, {1, 0}, {0.1f, 1}, {9, 9}, {0, 3}, {9, 9}, {2, 1}, {5, 0}};
  const tamp::token::context c{
      .kinds = kinds, .attention = {attention, 1, 1, 8, 0}, .keys = tamp::view(keys)};
  const auto made = select(c, visionzip{.dominant = 0.5}, {4});
  BOOST_TEST(made.kept == (indices{0, 1, 3, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(owners(made) == (indices{0, 1, 4, 3, 4, 5, 1, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_is_its_definition) {
  for (unsigned seed = 0; seed < 6; ++seed) {
    const auto s = support::scene_of(support::around_image(1, 29, 2), seed);
    for (const visionzip& p : {visionzip{}, visionzip{0.5, 2}, visionzip{0, 4}, visionzip{1, 1}})
      for (const std::size_t keep : {1u, 2u, 7u, 13u, 20u, 28u})
        BOOST_TEST(owners(select(s.context(), p, {keep})) == by_definition(p, s, keep),
                   boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(it_is_what_every_selector_is) {
  support::check_selector(visionzip{}, {.order_matters = true});
  support::check_selector(visionzip{.dominant = 0}, {.order_matters = true});
  support::check_selector(visionzip{.dominant = 1}, {.last_of_equals = true});
}

BOOST_AUTO_TEST_CASE(the_papers_budgets_are_met) {
  // 54 of 64, 108 of 128, 162 of 192; and of the others every one is part of one that stays.
  const auto s = support::scene_of(support::around_image(1, 300, 1), 2);
  for (const auto& [keep, dominant] :
       {std::pair<std::size_t, std::size_t>{64, 54}, {128, 108}, {192, 162}}) {
    const auto made = select(s.context(), visionzip{}, {keep});
    std::vector<std::size_t> members(made.kept.size());
    for (const std::size_t place : made.into) ++members[place];
    // A contextual token may stay alone, a dominant one must.
    const auto alone = std::count(members.begin(), members.end(), 1u);
    BOOST_TEST(alone >= std::ptrdiff_t(dominant + 2));
    const auto only = select(s.context(), visionzip{.dominant = 1}, {dominant});
    BOOST_TEST(
        std::includes(made.kept.begin(), made.kept.end(), only.kept.begin(), only.kept.end()));
  }
}

BOOST_AUTO_TEST_CASE(parameters_that_cannot_be_used_are_refused) {
  const auto s = support::scene_of(support::around_image(2, 5, 3), 2);
  const auto ask = [&](const visionzip& p) { select(s.context(), p, {2}); };
  support::check_error<tamp::value_error>(
      "visionzip: the dominant fraction lies in [0, 1], and is 1.5", [&] { ask({1.5, 1}); });
  support::check_error<tamp::value_error>(
      "visionzip: the dominant fraction lies in [0, 1], and is nan",
      [&] { ask({double(support::not_a_number), 1}); });
  support::check_error<tamp::shape_error>("visionzip: keys of 8 features are not 3 heads",
                                          [&] { ask({0.5, 3}); });
}

BOOST_AUTO_TEST_SUITE_END()
