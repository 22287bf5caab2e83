#include <tamp/score/detail/score_forms.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tamp/tamp.hpp>
#include <type_traits>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/executors.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(score_detail_score_forms)

using support::check_error;
using support::matrix;
using tamp::allocate::uniform;
using tamp::pattern::per_row;

namespace {

// A user's row score, without a statistic: the largest of the row counts nothing.
struct but_the_largest {
  using role = tamp::role::score;

  template <class Real>
  struct bound {
    using bound_score_type = Real;
    std::vector<Real> largest;
    void operator()(std::size_t i, std::span<const Real> weights, std::span<Real> scores) const {
      for (std::size_t j = 0; j < weights.size(); ++j)
        scores[j] = std::fabs(weights[j]) == largest[i] ? Real{0} : std::fabs(weights[j]);
    }
  };
  template <tamp::executor E, class Source>
  auto bind(const E&, const Source& weight, std::span<const float>) const {
    using real = tamp::detail::row_value<Source>;
    bound<real> all;
    tamp::detail::row_reader read(weight);
    for (std::size_t i = 0; i < std::size_t(weight.rows()); ++i) {
      all.largest.push_back(0);
      for (const real w : read(i))
        if (std::fabs(w) > all.largest[i]) all.largest[i] = std::fabs(w);
    }
    return all;
  }
};

// A user's repairing score, without Eigen: odd columns go, even ones take them over.
struct fold {
  using role = tamp::role::score;
  using needs = tamp::stat::column_norm;
  static constexpr bool repairs = true;

  struct folded {
    tamp::mask::bitmask keep;
    matrix<double> numbers;
    std::string note;
    tamp::matrix_view<const double> weights() const { return tamp::view(numbers); }
  };
  template <tamp::executor E, class Source, class Pattern>
  folded repair(const E&, std::string_view operation, std::string_view, const Source& weight,
                const needs& norms, const Pattern&, double) const {
    if (norms.tokens() == 0) tamp::detail::raise<tamp::value_error>(operation, ": nothing seen");
    const auto rows = std::size_t(weight.rows()), cols = std::size_t(weight.cols());
    folded result{tamp::mask::bitmask(rows, cols), matrix<double>(rows, cols), {}};
    tamp::detail::row_reader read(weight);
    for (std::size_t i = 0; i < rows; ++i) {
      const auto row = read(i);
      for (std::size_t j = 0; j < cols; ++j) result.numbers(i, j / 2 * 2) += row[j];
      for (std::size_t j = 1; j < cols; j += 2) result.keep.set(i, j, false);
    }
    return result;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(each_score_has_one_form) {
  using namespace tamp::detail;
  static_assert(row_score<but_the_largest> && !repairing_score<but_the_largest>);
  static_assert(row_score<tamp::score::ria> && !repairing_score<tamp::score::ria>);
  static_assert(!row_score<fold> && repairing_score<fold>);
  static_assert(!row_score<tamp::score::wanda> && !repairing_score<tamp::score::wanda>);
  static_assert(!needs_statistic<tamp::score::magnitude> && needs_statistic<tamp::score::wanda>);
  static_assert(std::is_same_v<needed_statistic_of<fold>, tamp::stat::column_norm>);
  static_assert(std::is_void_v<needed_statistic_of<but_the_largest>>);
  BOOST_TEST(score_of(tamp::score::wanda{}, -2.0f, 3.0f) == 6.0f);
  BOOST_TEST(score_of(tamp::score::magnitude{}, -2.0f, 3.0f) == 2.0f);
}

BOOST_AUTO_TEST_CASE(a_users_row_score_selects_and_prunes_in_every_layout) {
  const matrix<float> w{{4, -1, 2, -3}, {0.5f, -8, -7, 3}};
  const matrix<float> expected{{0, 0, 2, -3}, {0, 0, -7, 3}};
  const auto recipe = tamp::compose(but_the_largest{}, per_row{}, uniform{0.5});
  for (const auto& exec : support::every_executor) {
    support::in_every_layout(w, [&](auto m) {
      const auto keep = tamp::select(exec, m, recipe);
      BOOST_TEST((support::copy_of(m) == w));
      BOOST_TEST((tamp::prune(exec, m, recipe) == tamp::pruned{8, 4}));
      BOOST_TEST((support::copy_of(m) == expected));
      BOOST_TEST(keep.count() == 4u);
    });
    support::writable_rows rows{{w}};
    tamp::prune(exec, rows, recipe);
    BOOST_TEST((rows.numbers == expected));
    support::zeroable_rows zeroed{{w}};
    tamp::prune(exec, zeroed, recipe);
    BOOST_TEST((zeroed.numbers == expected));
  }
}

BOOST_AUTO_TEST_CASE(a_users_repairing_score_is_written_by_prune_and_not_by_select) {
  const matrix<float> w{{4, -1, 2, -3}, {0.5f, -8, -7, 3}};
  const matrix<float> expected{{3, 0, -1, 0}, {-7.5f, 0, -4, 0}};
  const auto norms = tamp::observe<tamp::stat::column_norm>(w);
  const auto recipe = tamp::compose(fold{}, per_row{}, uniform{0.5});
  for (const auto& exec : support::every_executor) {
    support::in_every_layout(w, [&](auto m) {
      BOOST_TEST(tamp::select(exec, m, norms, recipe).count() == 4u);
      BOOST_TEST((support::copy_of(m) == w));
      BOOST_TEST((tamp::prune(exec, m, norms, recipe) == tamp::pruned{8, 4}));
      BOOST_TEST((support::copy_of(m) == expected));
    });
    support::writable_rows rows{{w}};
    tamp::prune(exec, rows, norms, recipe);
    BOOST_TEST((rows.numbers == expected));
  }
  auto copy = w;
  check_error<tamp::value_error>("prune: nothing seen",
                                 [&] { tamp::prune(copy, tamp::stat::column_norm(), recipe); });
  check_error<tamp::value_error>("select: nothing seen",
                                 [&] { tamp::select(copy, tamp::stat::column_norm(), recipe); });
}

BOOST_AUTO_TEST_CASE(a_repaired_weight_too_large_for_its_tensor_is_named_and_nothing_is_written) {
  matrix<float> w(50, 4, 1);
  w(41, 2) = w(41, 3) = w(43, 0) = w(43, 1) = 3e38f;
  const auto norms = tamp::observe<tamp::stat::column_norm>(matrix<float>(1, 4, 1));
  const auto recipe = tamp::compose(fold{}, per_row{}, uniform{0.5});
  const std::string sentence =
      tamp::detail::sentence("prune: the repaired weight in row 41, column 2 is ",
                             2 * double(3e38f), ", too large for the tensor's type of number");
  for (const auto& exec : support::every_executor) {
    support::in_every_layout(w, [&](auto m) {
      check_error<tamp::value_error>(sentence, [&] { tamp::prune(exec, m, norms, recipe); });
      BOOST_TEST((support::copy_of(m) == w));
    });
    support::writable_rows rows{{w}};
    check_error<tamp::value_error>(sentence, [&] { tamp::prune(exec, rows, norms, recipe); });
    BOOST_TEST((rows.numbers == w));
  }
}

BOOST_AUTO_TEST_SUITE_END()
