#include <tamp/compute/text_attention.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(compute_text_attention)

using support::matrix;
using tamp::matrix_view;
using tamp::modality;
using tamp::compute::text_attention;
using enum tamp::modality;

namespace {

using kinds = std::vector<modality>;

matrix_view<const float> view(const matrix<float>& m) { return {m.data(), m.rows(), m.cols()}; }
matrix_view<float> view(matrix<float>& m) { return {m.data(), m.rows(), m.cols()}; }

matrix<float> attend(const matrix<float>& q, const matrix<float>& k, const matrix<float>& v,
                     const kinds& of, const support::any_executor& exec = support::one_thread) {
  matrix<float> out(q.rows(), v.cols(), 99.0f);
  tamp::compute::attend(exec, view(q), view(k), view(v), of, 0.5f, view(out), text_attention{});
  return out;
}

// The definition, in double.
matrix<float> by_definition(const matrix<float>& q, const matrix<float>& k, const matrix<float>& v,
                            const kinds& of) {
  matrix<float> out(q.rows(), v.cols());
  const std::size_t before = k.rows() - q.rows();
  for (std::size_t i = 0; i < q.rows(); ++i) {
    if (of[before + i] != text) continue;
    double sum = 0;
    std::vector<double> row(v.cols());
    for (std::size_t j = 0; j <= before + i; ++j) {
      if (of[j] != text) continue;
      double score = 0;
      for (std::size_t d = 0; d < q.cols(); ++d) score += double{q(i, d)} * double{k(j, d)};
      const double weight = std::exp(0.5 * score);
      sum += weight;
      for (std::size_t d = 0; d < v.cols(); ++d) row[d] += weight * double{v(j, d)};
    }
    for (std::size_t d = 0; d < v.cols(); ++d) out(i, d) = static_cast<float>(row[d] / sum);
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Equal scores: each text is the mean of the texts up to it.
  const matrix<float> same(4, 2), values{{1}, {50}, {2}, {6}};
  const auto out = attend(same, same, values, {text, image, text, text});
  BOOST_TEST(out(0, 0) == 1);
  BOOST_TEST(out(1, 0) == 0);
  BOOST_TEST(out(2, 0) == 1.5);
  BOOST_TEST(out(3, 0) == 3);
}

BOOST_AUTO_TEST_CASE(it_is_the_definition_for_any_executor_and_any_last_queries) {
  kinds of;
  for (std::size_t t = 0; t < 70; ++t) of.push_back(t % 5 < 3 ? image : t % 11 == 0 ? video : text);
  const auto k = support::random_matrix(70, 8, 1), v = support::random_matrix(70, 5, 2);
  for (const std::size_t queries : {70u, 40u, 1u, 0u}) {
    const auto q = support::random_matrix(queries, 8, 3);
    const auto wanted = by_definition(q, k, v, of), found = attend(q, k, v, of);
    for (std::size_t i = 0; i < queries; ++i)
      for (std::size_t d = 0; d < 5; ++d) BOOST_TEST(std::abs(found(i, d) - wanted(i, d)) < 1e-5f);
    for (const auto& exec : support::every_executor)
      BOOST_TEST((attend(q, k, v, of, exec) == found));
  }
}

BOOST_AUTO_TEST_CASE(text_alone_and_images_alone) {
  const auto q = support::random_matrix(9, 4, 1), v = support::random_matrix(9, 3, 2);
  BOOST_TEST((attend(q, q, v, kinds(9, image)) == matrix<float>(9, 3)));
  matrix<float> whole(9, 3);
  tamp::compute::hollow_attention{}.attend(support::one_thread, view(q), view(q), view(v),
                                           kinds(9, text), 0.5f, view(whole));
  BOOST_TEST((attend(q, q, v, kinds(9, text)) == whole));
  BOOST_TEST(attend(matrix<float>(0, 4), matrix<float>(0, 4), matrix<float>(0, 3), {}).rows() ==
             0u);
}

BOOST_AUTO_TEST_CASE(visual_tokens_are_not_read) {
  const kinds of{text, image, text};
  auto q = support::random_matrix(3, 4, 1), v = support::random_matrix(3, 3, 2);
  const auto found = attend(q, q, v, of);
  q(1, 2) = std::numeric_limits<float>::quiet_NaN();
  v(1, 0) = support::infinity;
  BOOST_TEST((attend(q, q, v, of) == found));
}

BOOST_AUTO_TEST_CASE(pairs_and_places_of_text) {
  BOOST_TEST(text_attention::products(kinds{text, image, image, text, text}) == 6u);
  BOOST_TEST(text_attention::products(kinds{}) == 0u);
  BOOST_TEST(
      text_attention::text(kinds{image, text, audio, text}) == (std::vector<std::size_t>{1, 3}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_and_nothing_written) {
  const auto q = support::random_matrix(3, 4, 1), v = support::random_matrix(3, 3, 2);
  const kinds of{text, image, text};
  BOOST_CHECK_THROW(attend(q, q, v, {text}), tamp::shape_error);
  BOOST_CHECK_THROW(attend(support::random_matrix(3, 5, 1), q, v, of), tamp::shape_error);
  BOOST_CHECK_THROW(attend(support::random_matrix(4, 4, 1), q, v, of), tamp::shape_error);
  auto broken = v;
  broken(2, 1) = support::infinity;
  matrix<float> out(3, 3, 7.0f);
  support::check_error<tamp::value_error>(
      "text_attention: the value of token 2, column 1 is inf", [&] {
        text_attention{}.attend(support::one_thread, view(q), view(q), view(broken), of, 1.0f,
                                view(out));
      });
  BOOST_TEST((out == matrix<float>(3, 3, 7.0f)));
  BOOST_CHECK_THROW(text_attention{}.attend(support::one_thread, view(q), view(q), view(v), of,
                                            1.0f, matrix_view<float>(nullptr, 3, 3)),
                    tamp::shape_error);
  BOOST_CHECK_THROW(text_attention{}.attend(support::one_thread, view(q), view(q), view(v), of,
                                            1.0f, matrix_view<float>(out.data(), 3, 3, 0, 1)),
                    tamp::shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
