#include <tamp/structure/transformer_ties.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(structure_transformer_ties)

using namespace tamp::structure;

namespace {

// 4 query heads of 2, two for each of 2 key and value heads; hidden 6; 8 neurons.
const weight_shapes shapes{{"q", {8, 6}},      {"k", {4, 6}},      {"v", {4, 6}},
                           {"o", {6, 8}},      {"q.bias", {1, 8}}, {"k.bias", {1, 4}},
                           {"v.bias", {1, 4}}, {"gate", {8, 6}},   {"up", {8, 6}},
                           {"down", {6, 8}},   {"router", {3, 6}}, {"e0.up", {8, 6}},
                           {"e1.up", {8, 6}},  {"e2.up", {8, 6}},  {"fused.up", {24, 6}},
                           {"embed", {10, 6}}, {"head", {10, 6}}};
const attention_weights names{"q", "k", "v", "o"};
const attention_weights with_biases{"q", "k", "v", "o", "q.bias", "k.bias", "v.bias"};
const head_counts heads{4, 2, 2};

std::size_t size_of(const group& g) {
  validate(ties{{g}}, shapes);
  return unit_sizes(g, shapes).at(0);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_key_value_head_leaves_with_its_query_heads) {
  const group g = key_value_heads("attention", names, heads);
  BOOST_TEST(g.units == 2u);
  BOOST_TEST(size_of(g) == 4u * 6 + 2 * 6 + 2 * 6 + 6 * 4);
  BOOST_TEST(size_of(key_value_heads("attention", with_biases, heads)) == 72u + 4 + 2 + 2);
}

BOOST_AUTO_TEST_CASE(each_key_value_head_keeps_equally_many_query_heads) {
  const group g = query_heads("attention", with_biases, heads);
  BOOST_TEST(g.units == 4u);
  BOOST_TEST(g.sections == 2u);
  BOOST_TEST(size_of(g) == 2u * 6 + 6 * 2 + 2);
}

BOOST_AUTO_TEST_CASE(a_neuron_is_two_rows_and_a_column) {
  const group g = neurons("mlp", {"gate", "up", "down"}, 8, 4);
  BOOST_TEST(size_of(g) == 18u);
  BOOST_TEST(g.multiple == 4u);
  BOOST_TEST(size_of(neurons("mlp", {"", "up", "down"}, 8)) == 12u);
}

BOOST_AUTO_TEST_CASE(an_expert_takes_its_row_of_the_router_with_it) {
  const group g = experts("moe", "router", {{"e0.up"}, {"e1.up"}, {"e2.up"}}, 2);
  BOOST_TEST(size_of(g) == 48u + 6);
  BOOST_TEST(g.fewest == 2u);
  BOOST_TEST(size_of(fused_experts("moe", "router", {{"fused.up", 8}}, 3, 1, 3)) == 48u + 6);
}

BOOST_AUTO_TEST_CASE(layers_and_vocabularies_are_units_too) {
  BOOST_TEST(size_of(layers("model", {{"q", "k"}, {"gate"}})) == 72u);
  BOOST_TEST(size_of(vocabulary("words", {"embed", "head"}, 10, 5)) == 12u);
}

BOOST_AUTO_TEST_CASE(heads_that_do_not_share_evenly_are_refused) {
  support::check_error<tamp::shape_error>(
      "ties: 4 query heads of a, 2 wide, cannot share 3 key and value heads evenly",
      [&] { key_value_heads("a", names, {4, 3, 2}); });
  support::check_error<tamp::shape_error>(
      "ties: 4 query heads of a, 0 wide, cannot share 2 key and value heads evenly",
      [&] { query_heads("a", names, {4, 2, 0}); });
  support::check_error<tamp::shape_error>(
      "ties: 2 times 9223372036854775810 is too large to be counted",
      [&] { key_value_heads("a", names, {2, 1, (std::size_t{1} << 63) + 2}); });
}

BOOST_AUTO_TEST_SUITE_END()
