#include <tamp/structure/permute.hpp>

#include <tamp/pattern/n_of_m.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/order_columns.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/ria.hpp>
#include <tamp/score/wanda.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/structure/transformer_ties.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(structure_permute)

using support::check_error;
using tamp::column_order;
using tamp::compose;
using tamp::shape_error;
using tamp::value_error;
using tamp::view;
using tamp::pattern::n_of_m;
using namespace tamp::structure;

namespace {

using numbers = std::vector<double>;

numbers random_numbers(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  numbers all(count);
  for (double& number : all) number = normal(random);
  return all;
}

struct matrix {
  std::size_t rows = 0, cols = 0;
  numbers values;

  matrix() = default;
  matrix(std::size_t r, std::size_t c, unsigned seed)
      : rows(r), cols(c), values(random_numbers(r * c, seed)) {}
  double operator()(std::size_t i, std::size_t j) const { return values[i * cols + j]; }
  auto tensor() { return view(values, rows, cols); }
};
using model = std::map<std::string, matrix>;

weight_shapes shapes_of(const model& m) {
  weight_shapes shapes;
  for (const auto& [name, w] : m) shapes[name] = {w.rows, w.cols};
  return shapes;
}

model permuted(model m, const ties& all, const std::vector<unit_order>& orders) {
  validate(all, shapes_of(m));
  for (auto& [name, w] : m) {
    matrix out = w;
    permute(w.tensor(), arrangement_of(all, orders, name, {w.rows, w.cols}), out.tensor());
    w = out;
  }
  return m;
}

numbers times(const matrix& w, const numbers& x) {
  numbers y(w.rows, 0.0);
  for (std::size_t i = 0; i < w.rows; ++i)
    for (std::size_t j = 0; j < w.cols; ++j) y[i] += w(i, j) * x[j];
  return y;
}
numbers plus(numbers y, const matrix& bias) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] += bias.values[i];
  return y;
}

numbers feed_forward(const model& m, const numbers& x) {
  const numbers gate = times(m.at("gate"), x);
  numbers hidden = plus(times(m.at("up"), x), m.at("up_bias"));
  for (std::size_t k = 0; k < hidden.size(); ++k) hidden[k] *= gate[k] / (1 + std::exp(-gate[k]));
  return times(m.at("down"), hidden);
}

// Attention of `heads` query heads, which share `kv_heads`, of the last of some tokens.
numbers attention(const model& m, const head_counts& h, const std::vector<numbers>& tokens) {
  const std::size_t width = h.head_dim;
  numbers joined;
  const numbers q = times(m.at("q"), tokens.back());
  for (std::size_t head = 0; head < h.heads; ++head) {
    const std::size_t shared = head / (h.heads / h.kv_heads);
    numbers sum(width, 0.0);
    double total = 0;
    for (const numbers& token : tokens) {
      const numbers k = times(m.at("k"), token), v = plus(times(m.at("v"), token), m.at("v_bias"));
      double dot = 0;
      for (std::size_t d = 0; d < width; ++d) dot += q[head * width + d] * k[shared * width + d];
      const double weight = std::exp(dot / std::sqrt(double(width)));
      total += weight;
      for (std::size_t d = 0; d < width; ++d) sum[d] += weight * v[shared * width + d];
    }
    for (const double s : sum) joined.push_back(s / total);
  }
  return times(m.at("o"), joined);
}

void check_near(const numbers& a, const numbers& b) {
  BOOST_REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    BOOST_TEST(a[i] == b[i], boost::test_tools::tolerance(1e-12));
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Two query heads share a head of four values. Of 2:4, each head keeps two of its four columns: 8 and
  // 7 of the first, 6 and 5 of the second, or those of any order, since a group is the whole head.
  const auto recipe = compose(tamp::score::magnitude{}, n_of_m<1, 2>{});
  const auto groups = value_features("attention", {"q", "k", "v", "o"}, {2, 1, 4});
  BOOST_REQUIRE(groups.size() == 1u);
  BOOST_TEST(groups[0].name == "attention.0");
  // 1:2 keeps one of each two neighbours: with columns in place 8 + 2 and 6 + 2.
  std::vector<float> o{8, 7, 1, 2, 6, 5, 2, 1};
  const column_order found = order_units(view(o, 1, 8), recipe, groups[0], "o");
  BOOST_TEST(found.before == 8.0 + 2 + 6 + 2);
  BOOST_TEST(found.after == 8.0 + 7 + 6 + 5);
  BOOST_TEST((found.order[0] < 2) != (found.order[1] < 2));  // each important one has a group
  const ties all{groups};
  const std::vector<unit_order> orders{{"attention.0", {2, 0, 1, 3}}};
  const arrangement of_o = arrangement_of(all, orders, "o", {1, 8});
  BOOST_TEST((of_o.cols == std::vector<std::size_t>{2, 0, 1, 3, 6, 4, 5, 7}));
  BOOST_TEST((of_o.rows == std::vector<std::size_t>{0}));
  BOOST_TEST(!of_o.is_identity());
  BOOST_TEST(arrangement_of(all, orders, "q", {8, 3}).is_identity());
  std::vector<float> out(8);
  permute(view(o, 1, 8), of_o, view(out, 1, 8));
  BOOST_TEST((out == std::vector<float>{1, 8, 7, 2, 2, 6, 5, 1}));
}

BOOST_AUTO_TEST_CASE(a_feed_forward_part_computes_the_same) {
  model m{{"gate", matrix(24, 5, 1)},
          {"up", matrix(24, 5, 2)},
          {"up_bias", matrix(1, 24, 3)},
          {"down", matrix(5, 24, 4)}};
  const ties all{{neurons("ffn", {"gate", "up", "down", "", "up_bias"}, 24)}};
  tamp::stat::column_norm seen;
  numbers x = random_numbers(3 * 24, 5);
  for (std::size_t t = 0; t < 3; ++t) x[t * 24 + 7] *= 50;  // an outlier
  seen.add(view(x, 3, 24));
  const auto recipe = compose(tamp::score::ria{}, n_of_m<2, 4>{});
  const column_order found =
      order_units(m.at("down").tensor(), seen, recipe, all.groups[0], "down");
  BOOST_TEST(found.after > found.before);
  // With one part that covers the weight it is order_columns.
  BOOST_TEST((found == tamp::order_columns(m.at("down").tensor(), seen, recipe)));
  const model moved = permuted(m, all, {{"ffn", found.order}});
  BOOST_TEST(moved.at("gate").values != m.at("gate").values);
  const numbers input = random_numbers(5, 6);
  check_near(feed_forward(moved, input), feed_forward(m, input));
  // Moved back, every bit is as it was.
  std::vector<std::size_t> back(24);
  for (std::size_t k = 0; k < 24; ++k) back[found.order[k]] = k;
  const model again = permuted(moved, all, {{"ffn", back}});
  for (const auto& [name, w] : again) BOOST_TEST((w.values == m.at(name).values), name);
}

BOOST_AUTO_TEST_CASE(attention_with_grouped_queries_computes_the_same) {
  const head_counts counts{4, 2, 8};
  model m{{"q", matrix(32, 6, 1)},
          {"k", matrix(16, 6, 2)},
          {"v", matrix(16, 6, 3)},
          {"v_bias", matrix(1, 16, 4)},
          {"o", matrix(6, 32, 5)}};
  const ties all{value_features("a", {"q", "k", "v", "o", "", "", "v_bias"}, counts)};
  BOOST_REQUIRE(all.groups.size() == 2u);
  tamp::stat::column_norm seen;
  numbers x = random_numbers(3 * 32, 6);
  seen.add(view(x, 3, 32));
  const auto recipe = compose(tamp::score::wanda{}, n_of_m<2, 4>{});
  std::vector<unit_order> orders;
  double before = 0, after = 0;
  for (const group& g : all.groups) {
    const column_order found = order_units(m.at("o").tensor(), seen, recipe, g, "o");
    BOOST_TEST(found.after >= found.before);
    before += found.before;
    after += found.after;
    orders.push_back({g.name, found.order});
  }
  BOOST_TEST(after > before);
  const model moved = permuted(m, all, orders);
  BOOST_TEST(moved.at("v").values != m.at("v").values);
  BOOST_TEST((moved.at("q").values == m.at("q").values));
  std::vector<numbers> tokens;
  for (unsigned t = 0; t < 5; ++t) tokens.push_back(random_numbers(6, 10 + t));
  check_near(attention(moved, counts, tokens), attention(m, counts, tokens));
  // The pattern keeps the scores of o that were promised: they move with their columns.
  numbers y = x;
  const auto places = arrangement_of(all, orders, "o", {6, 32});
  for (std::size_t t = 0; t < 3; ++t)
    for (std::size_t j = 0; j < 32; ++j) y[t * 32 + j] = x[t * 32 + places.cols[j]];
  tamp::stat::column_norm moved_seen;
  moved_seen.add(view(y, 3, 32));
  double kept = 0;
  model again = moved;
  for (const group& g : all.groups)
    kept += order_units(again.at("o").tensor(), moved_seen, recipe, g, "o").before;
  BOOST_TEST(kept == after, boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_ordered_is_refused) {
  const auto recipe = compose(tamp::score::magnitude{}, n_of_m<2, 4>{});
  std::vector<float> w(2 * 8, 1.f);
  const auto order = [&](const group& g) {
    static_cast<void>(order_units(view(w, 2, 8), recipe, g, "w"));
  };
  check_error<value_error>("order_units: the units of g own no columns of w",
                           [&] { order({"g", "units", 8, {{"w", axis::rows}}}); });
  check_error<value_error>(
      "order_units: each unit of g owns 2 columns together of w, and only single columns can be "
      "dealt "
      "out to groups",
      [&] { order({"g", "units", 4, {{"w", axis::cols, 2}}}); });
  check_error<shape_error>(
      "order_units: 8 units of g from column 4 on do not fit into the 8 columns of w",
      [&] { order({"g", "units", 8, {{"w", axis::cols, 1, 4}}}); });
  check_error<value_error>(
      "order_units: the units of g begin at column 2 of w, within a group of 4",
      [&] { order({"g", "units", 4, {{"w", axis::cols, 1, 2, true}}}); });
  check_error<value_error>("ties: g has no units",
                           [&] { order({"g", "units", 0, {{"w", axis::cols}}}); });
  w[3] = std::numeric_limits<float>::infinity();
  BOOST_CHECK_THROW(order({"g", "units", 8, {{"w", axis::cols}}}), value_error);
}

BOOST_AUTO_TEST_CASE(orders_that_are_none_are_refused) {
  const ties all{{neurons("ffn", {"", "up", "down"}, 3), layers("blocks", {{"a"}, {"b"}})}};
  const auto refused = [&](const std::vector<unit_order>& orders, const std::string& sentence,
                           auto error) {
    check_error<decltype(error)>(sentence, [&] { arrangement_of(all, orders, "up", {3, 2}); });
  };
  const value_error value("");
  refused({{"ffn", {0, 1}}}, "arrangement_of: the order of ffn names 2 units of 3",
          shape_error(""));
  refused({{"ffn", {0, 1, 3}}}, "arrangement_of: the order of ffn names unit 3 of 3", value);
  refused({{"ffn", {0, 1, 0}}}, "arrangement_of: the order of ffn names unit 0 twice", value);
  refused({{"other", {0}}}, "ties: there is no group 'other'", value);
  refused({{"ffn", {0, 2, 1}}, {"ffn", {0, 1, 2}}}, "arrangement_of: two orders are of ffn", value);
  refused({{"blocks", {1, 0}}},
          "arrangement_of: units of blocks own weights as a whole, which cannot be reordered",
          value);
  check_error<shape_error>(
      "arrangement_of: the units of ffn do not fit into the 2 rows of up",
      [&] { arrangement_of(all, std::vector<unit_order>{{"ffn", {0, 2, 1}}}, "up", {2, 2}); });
  const ties twice{{neurons("a", {"", "up", "down"}, 3), neurons("b", {"", "up", "other"}, 3)}};
  check_error<value_error>(
      "arrangement_of: two orders move the rows of up, the second is of b", [&] {
        arrangement_of(twice, std::vector<unit_order>{{"a", {2, 1, 0}}, {"b", {2, 1, 0}}}, "up",
                       {3, 2});
      });
  std::vector<float> w(6), out(6);
  check_error<shape_error>("permute: the tensor for 3 x 2 weights is 2 x 3", [&] {
    permute(view(w, 3, 2), arrangement{{0, 1, 2}, {1, 0}}, view(out, 2, 3));
  });
  check_error<value_error>("permute: the order of the columns names unit 1 twice", [&] {
    permute(view(w, 3, 2), arrangement{{0, 1, 2}, {1, 1}}, view(out, 3, 2));
  });
}

BOOST_AUTO_TEST_SUITE_END()
