#include <tamp/compute/layer_ranking.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(compute_layer_ranking)

using support::check_error;
using tamp::compute::evaluated_sets;
using tamp::compute::layer_ranking;
using tamp::compute::ranking_progress;

namespace {

using indices = std::vector<std::size_t>;
using layer_span = std::span<const std::size_t>;

constexpr layer_ranking greedy{}, one_shot{.greedy = false};
const auto per_element = boost::test_tools::per_element();

// Layer 0 hurts least alone, but together with layer 1 most.
double by_hand(layer_span layers) {
  const std::set<std::size_t> s(layers.begin(), layers.end());
  double sum = 0;
  for (const std::size_t layer : s) sum += layer == 0 ? 1 : layer == 1 ? 2 : 3;
  return sum + (s.contains(0) && s.contains(1) ? 10 : 0);
}

// Some number for every set, of few different ones, so that there are ties.
struct random_divergence {
  unsigned seed;
  std::size_t* calls = nullptr;
  double operator()(layer_span layers) const {
    if (calls != nullptr) ++*calls;
    std::seed_seq words(layers.begin(), layers.end());
    std::mt19937 random(words);
    return double((random() ^ seed * 2654435761u) % 7);
  }
};

// The reference, as it is written there.
indices by_definition(std::size_t layers, const random_divergence& divergence, bool greedily) {
  indices order;
  const auto with = [&](const indices& taken, std::size_t layer) {
    std::set<std::size_t> s(taken.begin(), taken.end());
    s.insert(layer);
    return divergence(indices(s.begin(), s.end()));
  };
  if (!greedily) {
    order.resize(layers);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(with({}, a), a) < std::pair(with({}, b), b);
    });
    return order;
  }
  while (order.size() < layers) {
    std::size_t best = layers;
    for (std::size_t layer = 0; layer < layers; ++layer)
      if (std::find(order.begin(), order.end(), layer) == order.end())
        if (best == layers || with(order, layer) < with(order, best)) best = layer;
    order.push_back(best);
  }
  return order;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand_in_both_ways) {
  BOOST_TEST(one_shot(3, by_hand) == (indices{0, 1, 2}), per_element);
  BOOST_TEST(greedy(3, by_hand) == (indices{0, 2, 1}), per_element);
  BOOST_TEST(greedy.label() == "layer_ranking greedy");
  BOOST_TEST(one_shot.label() == "layer_ranking one-shot");
}

BOOST_AUTO_TEST_CASE(any_divergence_is_ranked_as_the_reference_does) {
  for (unsigned seed = 0; seed < 50; ++seed)
    for (const std::size_t layers : {0u, 1u, 2u, 5u, 12u}) {
      const random_divergence d{seed};
      BOOST_TEST(greedy(layers, d) == by_definition(layers, d, true), per_element);
      BOOST_TEST(one_shot(layers, d) == by_definition(layers, d, false), per_element);
    }
}

BOOST_AUTO_TEST_CASE(of_equals_the_lower_layer_comes_first) {
  const auto all_equal = [](layer_span) { return 0.5; };
  BOOST_TEST(greedy(4, all_equal) == (indices{0, 1, 2, 3}), per_element);
  BOOST_TEST(one_shot(4, all_equal) == (indices{0, 1, 2, 3}), per_element);
  const auto signs = [](layer_span s) { return s.front() == 0 ? 0.0 : -0.0; };
  BOOST_TEST(one_shot(2, signs) == (indices{0, 1}), per_element);
}

BOOST_AUTO_TEST_CASE(sets_are_ascending_and_none_is_evaluated_twice) {
  std::set<indices> seen;
  const auto look = [&](layer_span layers) {
    const indices s(layers.begin(), layers.end());
    BOOST_TEST(std::is_sorted(s.begin(), s.end()));
    BOOST_TEST(seen.insert(s).second);
    return random_divergence{4}(layers);
  };
  evaluated_sets known;
  greedy(9, look, known);
  BOOST_TEST(seen.size() == 45u);
  BOOST_TEST(known.size() == 45u);
  const indices before = one_shot(9, look, known);  // the single layers are known
  BOOST_TEST(seen.size() == 45u);
  BOOST_TEST(before == by_definition(9, {4}, false), per_element);
  one_shot(11, look, known);  // two layers more
  BOOST_TEST(seen.size() == 47u);
}

BOOST_AUTO_TEST_CASE(what_is_known_is_believed) {
  evaluated_sets known;
  known.insert({2}, -1.0);
  known.insert({7}, -5.0);  // no layer of this model
  BOOST_TEST(greedy(3, by_hand, known) == (indices{2, 0, 1}), per_element);
}

BOOST_AUTO_TEST_CASE(an_interrupted_ranking_goes_on_where_it_was) {
  std::size_t calls = 0;
  const random_divergence d{11, &calls};
  const indices expected = by_definition(7, {11}, true);
  for (std::size_t stop = 0; stop <= 28; ++stop) {
    evaluated_sets known;
    calls = 0;
    const auto some = [&](const ranking_progress& p) { return p.evaluated < stop; };
    const indices begun = greedy(7, d, known, some);
    BOOST_TEST(calls == stop);
    BOOST_TEST(known.size() == stop);
    BOOST_TEST((begun.size() == 7) == (stop == 28));
    BOOST_TEST(begun == indices(expected.begin(), expected.begin() + std::ptrdiff_t(begun.size())),
               per_element);
    BOOST_TEST(greedy(7, d, known) == expected, per_element);
    BOOST_TEST(calls == 28u);
  }
}

BOOST_AUTO_TEST_CASE(a_host_that_throws_loses_nothing) {
  evaluated_sets known;
  std::size_t calls = 0;
  const auto weak = [&](layer_span layers) {
    if (++calls == 5) throw std::runtime_error("out of memory");
    return by_hand(layers);
  };
  BOOST_CHECK_THROW(greedy(3, weak, known), std::runtime_error);
  BOOST_TEST(known.size() == 4u);
  BOOST_TEST(greedy(3, weak, known) == (indices{0, 2, 1}), per_element);
  BOOST_TEST(calls == 7u);
}

BOOST_AUTO_TEST_CASE(progress_counts_known_sets_and_says_what_is_next) {
  evaluated_sets known;
  known.insert({0}, 1.0);
  std::vector<std::string> told;
  greedy(2, by_hand, known, [&](const ranking_progress& p) {
    std::ostringstream line;
    line << p.evaluated << " of " << p.evaluations << ", " << p.order.size() << " ranked, next "
         << tamp::detail::set_text(p.next) << ", " << p.known.size() << " known";
    told.push_back(line.str());
    return true;
  });
  BOOST_TEST(told == (std::vector<std::string>{"1 of 3, 0 ranked, next {1}, 1 known",
                                               "2 of 3, 1 ranked, next {0, 1}, 2 known"}),
             per_element);
}

BOOST_AUTO_TEST_CASE(infinite_divergences_come_last_and_nan_is_refused) {
  const double inf = std::numeric_limits<double>::infinity();
  const auto lost = [&](layer_span s) { return s.front() == 0 ? inf : 1.0; };
  BOOST_TEST(one_shot(3, lost) == (indices{1, 2, 0}), per_element);
  evaluated_sets known;
  const auto broken = [&](layer_span s) { return s.size() == 2 ? std::nan("") : 1.0; };
  check_error<tamp::value_error>("layer_ranking: the divergence of the layers {0, 1} is nan",
                                 [&] { greedy(3, broken, known); });
  BOOST_TEST(known.size() == 3u);
}

BOOST_AUTO_TEST_CASE(evaluated_sets_are_a_value) {
  evaluated_sets known;
  BOOST_TEST(known.empty());
  BOOST_TEST(known.insert({0, 3}, 0.25));
  BOOST_TEST(!known.insert({0, 3}, 0.25));
  BOOST_TEST(known.insert({}, 0.0));
  BOOST_TEST(known.insert({0}, 1e-3));
  BOOST_TEST((known.find({0, 3}) == 0.25));
  BOOST_TEST(!known.find({3}).has_value());
  std::ostringstream text;
  text << known;
  BOOST_TEST(text.str() == "{} 0\n{0} 0.001\n{0, 3} 0.25\n");
  evaluated_sets other = known;
  BOOST_TEST((other == known));
  other.insert({5}, 2.0);
  BOOST_TEST((other != known));
  BOOST_TEST((known.combine(other) == other));
}

BOOST_AUTO_TEST_CASE(evaluated_sets_refuse_what_contradicts_them) {
  evaluated_sets known;
  known.insert({1, 2}, 0.5);
  const evaluated_sets before = known;
  check_error<tamp::value_error>("evaluated_sets: the set {2, 1} is not ascending",
                                 [&] { known.insert({2, 1}, 0.5); });
  check_error<tamp::value_error>("evaluated_sets: the set {1, 1} is not ascending",
                                 [&] { known.insert({1, 1}, 0.5); });
  check_error<tamp::value_error>("evaluated_sets: the divergence of the layers {4} is nan",
                                 [&] { known.insert({4}, std::nan("")); });
  const std::string_view twice =
      "evaluated_sets: the divergence of the layers {1, 2} is 0.5, and not 0.75";
  check_error<tamp::value_error>(twice, [&] { known.insert({1, 2}, 0.75); });
  evaluated_sets other;
  other.insert({0}, 3.0);
  other.insert({1, 2}, 0.75);
  check_error<tamp::value_error>(twice, [&] { known.combine(other); });
  BOOST_TEST((known == before));
}

BOOST_AUTO_TEST_CASE(layers_whose_sets_cannot_be_counted_are_refused) {
  const auto never = [](layer_span) -> double { throw std::runtime_error("asked"); };
  check_error<tamp::value_error>(
      "layer_ranking: 2305843009213693952 times 4611686018427387905 is too large to be counted",
      [&] { layer_ranking{}(std::size_t{1} << 62, never); });
  check_error<tamp::value_error>(
      "layer_ranking: 18446744073709551615 and 1 together are too large to be counted",
      [&] { layer_ranking{}(static_cast<std::size_t>(-1), never); });
}

BOOST_AUTO_TEST_SUITE_END()
