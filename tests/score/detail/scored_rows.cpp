#include <tamp/score/detail/scored_rows.hpp>

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string_view>
#include <tamp/tamp.hpp>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/executors.hpp"
#include "../../support/instructions.hpp"
#include "../../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(score_detail_scored_rows)

using support::check_error;
using support::infinity;
using support::matrix;
using support::not_a_number;
using tamp::allocate::uniform;

namespace {

// Breaks its promise for weights below zero.
struct hopeful {
  using role = tamp::role::score;
  static constexpr std::string_view label() { return "hopeful"; }
  static constexpr bool never_nan = true;
  float operator()(float weight) const noexcept { return std::log(weight); }
};

// Breaks its promise: an infinite weight scores 1.
struct capped {
  using role = tamp::role::score;
  static constexpr bool shows_non_finite = true;
  float operator()(float weight) const noexcept { return std::fmin(std::fabs(weight), 1.0f); }
};

// Breaks its promise in one column alone.
struct capped_by_norm {
  using role = tamp::role::score;
  using needs = tamp::stat::column_norm;
  static constexpr bool shows_non_finite = true;
  float operator()(float weight, float norm) const noexcept {
    return norm == 3 ? 1.0f : std::fabs(weight) * norm;
  }
};

// Shows what is not finite in its own way.
struct strict {
  using role = tamp::role::score;
  static constexpr bool shows_non_finite = true;
  float operator()(float weight) const {
    if (!tamp::is_finite(weight)) throw std::domain_error("strict");
    return std::fabs(weight);
  }
};

struct picky {
  using role = tamp::role::score;
  float forbidden = 3;
  double operator()(double weight) const {
    if (weight == forbidden) throw std::domain_error("picky");
    return weight;
  }
};

// Leaves the scores of a row's second half unwritten.
struct lazy {
  using role = tamp::role::score;
  static constexpr std::string_view label() { return "lazy"; }
  struct bound {
    using bound_score_type = float;
    void operator()(std::size_t, std::span<const float> weights, std::span<float> scores) const {
      std::copy(weights.begin(), weights.begin() + std::ptrdiff_t(weights.size() / 2),
                scores.begin());
    }
  };
  template <tamp::executor E, class Source>
  bound bind(const E&, const Source&, std::span<const float>) const {
    return {};
  }
};

// A row score to which all rows are alike, whatever is in them.
struct blind {
  using role = tamp::role::score;
  struct bound {
    using bound_score_type = float;
    void operator()(std::size_t, std::span<const float>, std::span<float> scores) const {
      for (std::size_t j = 0; j < scores.size(); ++j) scores[j] = static_cast<float>(j);
    }
  };
  template <tamp::executor E, class Source>
  bound bind(const E&, const Source&, std::span<const float>) const {
    return {};
  }
};

// Not a number the first time it is asked.
struct moody {
  using role = tamp::role::score;
  static constexpr std::string_view label() { return "moody"; }
  std::atomic<int>* asked;
  float operator()(float weight) const noexcept {
    return asked->fetch_add(1) == 0 ? not_a_number : weight;
  }
};

// Another score each time.
struct fickle {
  using role = tamp::role::score;
  static constexpr std::string_view label() { return "fickle"; }
  std::atomic<unsigned>* asked;
  float operator()(float) const noexcept {
    return static_cast<float>(asked->fetch_add(1) * 2654435761u % 100000u);
  }
};

// All patterns, each with a half.
template <class Score, class Use>
void with_every_pattern(const Score& score, const Use& use) {
  use(tamp::compose(score, tamp::pattern::per_row{}, uniform{0.5}));
  use(tamp::compose(score, tamp::pattern::per_tensor{}, uniform{0.5}));
  use(tamp::compose(score, tamp::pattern::n_of_m<2, 4>{}));
  use(tamp::compose(score, tamp::pattern::per_row{}, uniform{0.0}));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_promise_never_to_give_nan_is_not_believed) {
  static_assert(hopeful::never_nan);
  support::with_every_instructions([] {
    for (const std::size_t cols : {1u, 5u, 64u, 200u})
      for (std::size_t at = 0; at < cols; at += 7) {
        matrix<float> weight(3, cols, 2.0f);
        weight(1, at) = -2;
        with_every_pattern(hopeful{}, [&](const auto& recipe) {
          check_error<tamp::value_error>(
              tamp::detail::sentence("prune: the score hopeful of the weight in row 1, column ", at,
                                     ", which is -2, is not a number"),
              [&] { tamp::prune(weight, recipe); });
        });
        BOOST_TEST(weight(1, at) == -2);
      }
  });
}

BOOST_AUTO_TEST_CASE(infinite_scores_of_both_signs_are_scores) {
  matrix<float> weight(2, 130, 1.0f);  // whose sum is not a number
  weight(0, 3) = 0;
  const auto recipe = tamp::compose(hopeful{}, tamp::pattern::per_row{}, uniform{0.1});
  const auto keep = tamp::select(weight, recipe);
  BOOST_TEST(!keep(0, 3));
  BOOST_TEST(keep.count() == 2u * 117);
}

BOOST_AUTO_TEST_CASE(a_promise_to_show_what_is_not_finite_is_tried_out) {
  support::with_every_instructions([] {
    for (const std::size_t rows : {3u, 40u})
      for (const float odd : {infinity, -infinity, not_a_number}) {
        auto weight = support::random_matrix(rows, 70, 1);
        with_every_pattern(capped{}, [&](const auto& recipe) { tamp::select(weight, recipe); });
        weight(2, 66) = odd;
        const auto sentence =
            tamp::detail::sentence("select: the weight in row 2, column 66 is ", odd);
        with_every_pattern(capped{}, [&](const auto& recipe) {
          check_error<tamp::value_error>(sentence, [&] { tamp::select(weight, recipe); });
        });
        with_every_pattern(blind{}, [&](const auto& recipe) {
          check_error<tamp::value_error>(sentence, [&] { tamp::select(weight, recipe); });
        });
        std::vector<float> norms(70, 1.0f);
        norms[66] = 3;
        with_every_pattern(capped_by_norm{}, [&](const auto& recipe) {
          check_error<tamp::value_error>(sentence, [&] { tamp::select(weight, norms, recipe); });
        });
      }
  });
}

BOOST_AUTO_TEST_CASE(a_score_may_show_what_is_not_finite_by_throwing) {
  auto weight = support::random_matrix(40, 70, 1);
  with_every_pattern(strict{}, [&](const auto& recipe) { tamp::select(weight, recipe); });
  weight(20, 5) = infinity;
  with_every_pattern(strict{}, [&](const auto& recipe) {
    BOOST_CHECK_THROW(tamp::select(weight, recipe), std::domain_error);
  });
}

BOOST_AUTO_TEST_CASE(what_a_score_throws_comes_out_and_nothing_is_written) {
  support::with_every_instructions([] {
    for (const std::size_t cols : {4u, 300u}) {
      matrix<float> weight(9, cols, 1.0f);
      weight(7, cols - 1) = 3;
      for (const auto& exec : support::every_executor)
        with_every_pattern(picky{}, [&](const auto& recipe) {
          support::in_every_layout(weight, [&](auto m) {
            BOOST_CHECK_THROW(tamp::prune(exec, m, recipe), std::domain_error);
            BOOST_TEST((support::copy_of(m) == weight));
          });
        });
      BOOST_CHECK_THROW(tamp::prune(weight, tamp::compose(picky{}, tamp::pattern::n_of_m<2, 4>{})),
                        std::domain_error);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_score_that_is_not_written_is_not_a_number) {
  const auto weight = support::random_matrix(9, 10, 1);
  for (const auto& exec : support::every_executor)
    with_every_pattern(lazy{}, [&](const auto& recipe) {
      try {
        tamp::select(exec, weight, recipe);
        BOOST_ERROR("nothing was refused");
      } catch (const tamp::value_error& e) {
        BOOST_TEST(std::string_view(e.what()).starts_with(
            "select: the score lazy of the weight in row 0, column 5, which is "));
      }
    });
}

BOOST_AUTO_TEST_CASE(a_score_that_is_not_the_same_each_time_is_refused) {
  const matrix<float> weight(2, 4, 1.0f);
  std::atomic<int> asked = 0;
  check_error<tamp::value_error>(
      "select: the score moody of the weights in row 0 is not the same each time", [&] {
        tamp::select(support::one_thread, weight,
                     tamp::compose(moody{&asked}, tamp::pattern::n_of_m<2, 4>{}));
      });
  // Several passes over the weight each see other scores.
  std::atomic<unsigned> counted = 0;
  const auto large = support::random_matrix(64, 256, 1);
  for (int k = 0; k < 20; ++k) try {
      const auto keep = tamp::select(
          large, tamp::compose(fickle{&counted}, tamp::pattern::per_tensor{}, uniform{0.05 * k}));
      BOOST_TEST(keep.size() == large.rows() * large.cols());
    } catch (const tamp::value_error& e) {
      BOOST_TEST(std::string_view(e.what()) ==
                 "per_tensor: the scores of the weights are not the same each time");
    }
}

BOOST_AUTO_TEST_SUITE_END()
