#include <tamp/structure/unit_norms.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <string>
#include <tamp/execute/sequential.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(structure_unit_norms)

using namespace tamp::structure;
using support::matrix;

namespace {

const matrix<float> up{{1, 2}, {0, 2}, {3, 0}};  // 3 neurons of 2 features
const matrix<float> down{{2, 1, 0}, {0, 1, 4}};  // 2 outputs of 3 neurons
const matrix<float> bias{{1, 1, 2}};
const group mlp{
    "mlp", "neurons", 3, {{"up", axis::rows}, {"down", axis::cols}, {"bias", axis::cols}}};

named_weights weights() {
  named_weights all;
  all.add("up", up).add("down", down).add("bias", bias);
  return all;
}

struct rows_source {
  support::readable_rows rows;
  void visit(const std::string&, auto&& use) const { use(rows); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(magnitude_by_hand) {
  const auto scores = unit_norms(mlp, weights());
  BOOST_TEST(scores.size() == 3u);
  BOOST_TEST(scores[0] == std::sqrt(1.0 + 4 + 4 + 1));
  BOOST_TEST(scores[1] == std::sqrt(4.0 + 1 + 1 + 1));
  BOOST_TEST(scores[2] == std::sqrt(9.0 + 16 + 4));
}

BOOST_AUTO_TEST_CASE(wanda_by_hand) {
  const input_norms norms{{"up", {2, 1}}, {"down", {1, 3, 0.5f}}};
  const auto scores = unit_norms(mlp, weights(), norms);
  BOOST_TEST(scores[0] == std::sqrt(4.0 + 4 + 4 + 1));
  BOOST_TEST(scores[1] == std::sqrt(4.0 + 9 + 9 + 1));
  BOOST_TEST(scores[2] == std::sqrt(36.0 + 4 + 4));
}

BOOST_AUTO_TEST_CASE(whole_weights_count_with_their_unit) {
  const group own{"layers", "layers", 2, {}, {{"up"}, {"down", "bias"}}};
  const auto scores = unit_norms(own, weights());
  BOOST_TEST(scores[0] == std::sqrt(18.0));
  BOOST_TEST(scores[1] == std::sqrt(22.0 + 6));
}

BOOST_AUTO_TEST_CASE(layouts_and_kinds_of_tensor_give_the_same_numbers) {
  const matrix<float> w = support::random_matrix(30, 20, 1);
  const group heads{"heads", "heads", 5, {{"w", axis::rows, 6}}};
  const group channels{"channels", "neurons", 4, {{"w", axis::cols, 5}}};
  const input_norms norms{{"w", support::random_norms(20, 2)}};
  named_weights plain;
  plain.add("w", w);
  const auto by_rows = unit_norms(heads, plain, norms),
             by_cols = unit_norms(channels, plain, norms);
  support::in_every_layout(w, [&](const auto& m) {
    named_weights other;
    other.add("w", m);
    BOOST_TEST(unit_norms(heads, other, norms) == by_rows, boost::test_tools::per_element());
    BOOST_TEST(unit_norms(tamp::execute::sequential{}, channels, other, norms) == by_cols,
               boost::test_tools::per_element());
  });
  const rows_source rows{{w}};
  BOOST_TEST(unit_norms(heads, rows, norms) == by_rows, boost::test_tools::per_element());
  double all = 0;
  for (const double score : unit_norms(heads, plain)) all += score * score;
  double squares = 0;
  for (std::size_t k = 0; k < 600; ++k) squares += double(w.data()[k]) * double(w.data()[k]);
  BOOST_TEST(all == squares, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(rejections_name_what_is_wrong) {
  const group other{"mlp", "neurons", 3, {{"gate", axis::rows}}};
  support::check_error<tamp::value_error>("named_weights: there is no weight 'gate'",
                                          [&] { unit_norms(other, weights()); });
  support::check_error<tamp::value_error>("named_weights: there are two weights named 'up'",
                                          [&] { weights().add("up", up); });
  const group wide{"mlp", "neurons", 3, {{"up", axis::rows, 2}}};
  support::check_error<tamp::shape_error>(
      "unit_norms: 3 units of mlp with 2 rows each from 0 on do not fit into the 3 of up",
      [&] { unit_norms(wide, weights()); });
  support::check_error<tamp::value_error>(
      "unit_norms: there are no norms for the inputs of up",
      [&] { unit_norms(mlp, weights(), input_norms{{"down", {1, 1, 1}}}); });
  support::check_error<tamp::shape_error>("unit_norms: up has 2 columns, the norms cover 1", [&] {
    unit_norms(mlp, weights(), input_norms{{"up", {1}}});
  });
  support::check_error<tamp::value_error>("unit_norms: the norm of column 1 of up is -1", [&] {
    unit_norms(mlp, weights(), input_norms{{"up", {1, -1}}});
  });
  const matrix<float> broken{{1, 2}, {NAN, 1}, {1, 1}};
  named_weights with_nan;
  with_nan.add("up", broken).add("down", down).add("bias", bias);
  support::check_error<tamp::value_error>("unit_norms: the weight in row 1, column 0 of up is nan",
                                          [&] { unit_norms(mlp, with_nan); });
}

BOOST_AUTO_TEST_SUITE_END()
