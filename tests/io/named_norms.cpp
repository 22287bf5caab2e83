#include <tamp/io/named_norms.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <tamp/tamp.hpp>
#include <type_traits>
#include <utility>
#include <vector>

#include "../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(io_named_norms)

using support::check_error;
using tamp::file_error;
using tamp::shape_error;
using tamp::value_error;
using tamp::io::named_norms;
using tamp::io::weight_norms;

namespace {

template <class Norms>
concept can_be_looked_up = requires(Norms&& norms) { std::forward<Norms>(norms).of("a", 1); };
static_assert(can_be_looked_up<const named_norms&>);
static_assert(!can_be_looked_up<named_norms>, "the span would outlive the norms");

// The names that llama.cpp gives to a model of two blocks.
named_norms llama_names() {
  named_norms norms("imatrix.gguf");
  for (const std::string block : {"blk.0.", "blk.1.", "blk.10."})
    for (const std::string layer :
         {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"})
      norms.add(block + layer + ".weight", {1, 2}, 0);
  norms.add("output.weight", {1, 2}, 0);
  return norms;
}

std::vector<float> values(std::span<const float> norms) { return {norms.begin(), norms.end()}; }

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  named_norms norms;
  norms.add("up", {3, 0, 5}, 100);
  norms.add("experts", weight_norms{2, {1, 2, 3, 4, 5, 6}, {70, 0, 95}});

  BOOST_TEST(norms.size() == 2u);
  BOOST_TEST((norms.contains("up") && !norms.contains("down")));
  BOOST_TEST((values(norms.of("up", 3)) == std::vector<float>{3, 0, 5}));
  BOOST_TEST(norms.at("up").tokens.front() == 100u);

  // Of several matrices there are the norms of all, one matrix after another.
  const auto experts = norms.of("experts", 2, 3);
  BOOST_TEST((values(experts.subspan(2 * 2, 2)) == std::vector<float>{5, 6}));
  BOOST_TEST(norms.at("experts").matrices() == 3u);
  BOOST_TEST((norms.at("experts").tokens == std::vector<std::uint64_t>{70, 0, 95}));

  std::string names;
  for (const auto& [name, of_weight] : norms) names += name + ' ';
  BOOST_TEST(names == "experts up ");
}

BOOST_AUTO_TEST_CASE(they_are_statistics_for_select) {
  named_norms norms;
  norms.add("up", {1, 10, 1, 1}, 0);
  const std::vector<float> weight{2, 1, 3, 4};  // scores 2 10 3 4
  const auto W = tamp::view(weight, 1, 4);
  const auto half =
      tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  const auto keep = tamp::select(W, norms.of("up", W.cols()), half);
  BOOST_TEST((!keep(0, 0) && keep(0, 1) && !keep(0, 2) && keep(0, 3)));
}

BOOST_AUTO_TEST_CASE(one_matrix_may_be_asked_for_as_several) {
  // The .dat form does not say that these are three experts of two columns.
  named_norms norms;
  norms.add("experts", {1, 2, 3, 4, 5, 6}, 0);
  BOOST_TEST((values(norms.of("experts", 2, 3)) == std::vector<float>{1, 2, 3, 4, 5, 6}));
  BOOST_TEST(norms.of("experts", 6).size() == 6u);
  // The other way round nothing is left open.
  norms.add("two", weight_norms{2, {1, 2, 3, 4}, {1, 1}});
  check_error<shape_error>(
      "named_norms: the norms of 'two' cover 2 x 2 columns, the weight has 1 x 4",
      [&] { norms.of("two", 4); });
  check_error<shape_error>(
      "named_norms: the norms of 'two' cover 2 x 2 columns, the weight has 4 x 1",
      [&] { norms.of("two", 1, 4); });
}

BOOST_AUTO_TEST_CASE(other_columns_are_refused) {
  const named_norms norms = llama_names();
  check_error<shape_error>(
      "imatrix.gguf: the norms of 'output.weight' cover 2 columns, the weight has 3",
      [&] { norms.of("output.weight", 3); });
  check_error<shape_error>(
      "imatrix.gguf: the norms of 'output.weight' cover 2 columns, the weight has 1",
      [&] { norms.of("output.weight", 1); });
  check_error<shape_error>(
      "imatrix.gguf: the norms of 'output.weight' cover 1 x 2 columns, the weight has 2 x 2",
      [&] { norms.of("output.weight", 2, 2); });
  for (const std::size_t columns : {std::size_t{0}, ~std::size_t{0}})
    for (const std::size_t matrices : {std::size_t{0}, ~std::size_t{0}})
      BOOST_CHECK_THROW(norms.of("output.weight", columns, matrices), shape_error);
}

BOOST_AUTO_TEST_CASE(a_missing_name_is_answered_with_those_most_like_it) {
  const named_norms norms = llama_names();
  // Another engine's name: the words 0, attn, q and weight are the same.
  check_error<file_error>(
      "imatrix.gguf: has no norms for 'model.layers.0.self_attn.q_proj.weight' among those of 22 "
      "weights; most like it: 'blk.0.attn_q.weight', 'blk.0.attn_k.weight', 'blk.0.attn_v.weight'",
      [&] { norms.at("model.layers.0.self_attn.q_proj.weight"); });
  const auto best = [&](const char* name) { return norms.nearest(name, 1).at(0); };
  BOOST_TEST(best("model.layers.10.mlp.down_proj.weight") == "blk.10.ffn_down.weight");
  BOOST_TEST(best("model.layers.1.mlp.gate_proj.weight") == "blk.1.ffn_gate.weight");
  BOOST_TEST(best("blk.1.atn_output.weight") == "blk.1.attn_output.weight");  // mistyped
  BOOST_TEST(best("lm_head.weight") == "output.weight");
  // No word in common, so that characters decide.
  BOOST_TEST(best("outputweights") == "output.weight");

  // Nothing in common, nothing to propose; nothing there, nothing to look among.
  check_error<file_error>("imatrix.gguf: has no norms for '###' among those of 22 weights",
                          [&] { norms.of("###", 2); });
  BOOST_TEST(norms.nearest("###").empty());
  BOOST_TEST(norms.nearest("").empty());
  BOOST_TEST(norms.nearest("blk", 99).size() == 21u);
  check_error<file_error>("named_norms: has no norms for 'a', nor for any weight", [&] {
    static_cast<void>(named_norms().contains("a"));
    const named_norms none;
    none.at("a");
  });
}

BOOST_AUTO_TEST_CASE(words_tell_more_than_characters) {
  named_norms norms;
  norms.add("0.q.attn", {1}, 0);  // all words of attn.q.0, five of its seven pairs
  norms.add("attn.q.1", {1}, 0);  // two of its three words, six of its seven pairs
  BOOST_TEST((norms.nearest("attn.q.0") == std::vector<std::string>{"0.q.attn", "attn.q.1"}));
}

BOOST_AUTO_TEST_CASE(names_of_any_bytes_are_shown_in_part) {
  named_norms norms;
  norms.add(std::string(100000, 'x') + ".weight", {1}, 0);
  norms.add("a\n", {1}, 0);
  check_error<file_error>(
      "named_norms: has no norms for 'a\\x0a\\x0a' among those of 2 weights; "
      "most like it: 'a\\x0a'",
      [&] { norms.at("a\n\n"); });
  check_error<file_error>("named_norms: has no norms for 'x' among those of 2 weights",
                          [&] { norms.at("x"); });
  BOOST_CHECK_THROW(norms.at(std::string(1000000, '.')), file_error);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_used_is_refused_and_not_added) {
  named_norms norms("norms");
  norms.add("a", {1, 2}, 0);
  const float none = std::numeric_limits<float>::quiet_NaN();
  const float infinite = std::numeric_limits<float>::infinity();
  check_error<value_error>("norms: norms need the name of a weight",
                           [&] { norms.add("", {1}, 0); });
  check_error<value_error>("norms: has norms for 'a' already", [&] { norms.add("a", {1}, 0); });
  check_error<value_error>("norms: the norm of column 1 of matrix 0 of 'b' is -1",
                           [&] { norms.add("b", {1, -1}, 0); });
  check_error<value_error>("norms: the norm of column 1 of matrix 1 of 'b' is inf",
                           [&] { norms.add("b", weight_norms{2, {1, 1, 1, infinite}, {0, 0}}); });
  BOOST_CHECK_THROW(norms.add("b", {none}, 0), value_error);
  check_error<shape_error>("norms: 0 norms for 'b', which has 1 x 0 columns",
                           [&] { norms.add("b", std::vector<float>{}, 0); });
  check_error<shape_error>("norms: 3 norms for 'b', which has 1 x 2 columns",
                           [&] { norms.add("b", weight_norms{2, {1, 2, 3}, {0}}); });
  check_error<shape_error>("norms: 2 norms for 'b', which has 2 x 2 columns",
                           [&] { norms.add("b", weight_norms{2, {1, 2}, {0, 0}}); });
  check_error<shape_error>("norms: 2 norms for 'b', which has 0 x 2 columns",
                           [&] { norms.add("b", weight_norms{2, {1, 2}, {}}); });
  BOOST_TEST((norms.size() == 1u && norms.of("a", 2).size() == 2u));
}

BOOST_AUTO_TEST_CASE(norms_are_compared_wherever_they_come_from) {
  named_norms a("a"), b("b");
  a.add("w", {1, 2}, 5);
  a.describe("text", "wiki");
  BOOST_TEST(!(a == b));
  b.add("w", {1, 2}, 5);
  BOOST_TEST((a == b));
  BOOST_TEST((a.about().at("text") == "wiki" && b.about().empty()));
  b.describe("text", "news");
  b.describe("text", "code");
  BOOST_TEST(b.about().at("text") == "code");
  named_norms other;
  other.add("w", {1, 2}, 6);
  BOOST_TEST(!(a == other));
}

BOOST_AUTO_TEST_SUITE_END()
