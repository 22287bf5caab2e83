#include <tamp/pattern/detail/any_scored_rows.hpp>

#include <tamp/score/detail/scored_rows.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/score/wanda.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "../../support/executors.hpp"
#include "../../support/tensors.hpp"

// Patterns read the same scores, of any kind of source.
BOOST_AUTO_TEST_SUITE(pattern_detail_any_scored_rows)

using support::matrix;
using tamp::detail::any_scored_rows;
using tamp::detail::scored_rows;

namespace {

template <class T>
tamp::matrix_view<const T> source(const matrix<T>& m) {
  return tamp::row_major(m.data(), m.rows(), m.cols());
}

// The scores of all rows, each read once.
template <class Score>
matrix<Score> read(const any_scored_rows<Score>& scored, const support::any_executor& exec) {
  matrix<Score> all(scored.rows(), scored.cols());
  std::vector<int> times(scored.rows());
  std::mutex reading;
  scored.for_each_range(exec, [&](const auto& read_scores, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const auto row = read_scores(i);
      const std::lock_guard lock(reading);
      ++times[i];
      for (std::size_t j = 0; j < row.size(); ++j) all(i, j) = row[j];
    }
  });
  BOOST_TEST(times == std::vector<int>(scored.rows(), 1), boost::test_tools::per_element());
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(scores_are_those_of_the_weight_by_hand) {
  const matrix<float> weight{{1, -2, 3}, {-4, 0, 6}};
  const tamp::score::magnitude score;
  const auto view = source(weight);
  const scored_rows scored(view, score, {});
  const any_scored_rows<float> any(scored);
  BOOST_TEST(any.rows() == 2u);
  BOOST_TEST(any.cols() == 3u);
  BOOST_TEST((read(any, {1}) == matrix<float>{{1, 2, 3}, {4, 0, 6}}));
}

BOOST_AUTO_TEST_CASE(every_executor_reads_every_row_once) {
  const auto weight = support::random_matrix(37, 70, 1);
  const auto norms = support::random_norms(70, 2);
  const tamp::score::wanda score;
  const auto view = source(weight);
  const scored_rows scored(view, score, norms);
  const any_scored_rows<float> any(scored);
  const auto expected = read(any, {1});
  for (const auto& exec : support::every_executor) BOOST_TEST((read(any, exec) == expected));
}

BOOST_AUTO_TEST_CASE(a_weight_without_elements_has_no_rows_to_read) {
  const matrix<double> weight(0, 5);
  const tamp::score::magnitude score;
  const auto view = source(weight);
  const scored_rows scored(view, score, {});
  any_scored_rows<double>(scored).for_each_range(
      support::any_executor{1}, [](const auto&, std::size_t, std::size_t) { BOOST_ERROR("read"); });
}

BOOST_AUTO_TEST_CASE(what_a_body_throws_comes_out) {
  const matrix<float> weight{{1, 2}, {3, 4}};
  const tamp::score::magnitude score;
  const auto view = source(weight);
  const scored_rows scored(view, score, {});
  const auto fails = [](const auto&, std::size_t, std::size_t) { throw std::domain_error("no"); };
  for (const auto& exec : support::every_executor)
    BOOST_CHECK_THROW(any_scored_rows<float>(scored).for_each_range(exec, fails),
                      std::domain_error);
}

BOOST_AUTO_TEST_SUITE_END()
