#include <tamp/execute/instructions.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdlib>
#include <string>
#include <tamp/tamp.hpp>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "../support/instructions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(execute_instructions)

using namespace tamp;
using execute::instructions;
using support::matrix;

namespace {

// TAMP_INSTRUCTIONS for as long as it lives.
class environment {
 public:
  explicit environment(const char* value) {
    if (const char* const before = std::getenv("TAMP_INSTRUCTIONS")) before_ = before;
    setenv("TAMP_INSTRUCTIONS", value, 1);
  }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;
  ~environment() { setenv("TAMP_INSTRUCTIONS", before_.c_str(), 1); }

 private:
  std::string before_;
};

// A score that a fused multiplication and addition would round otherwise.
struct sum_of_products {
  using role = role::score;
  using needs = stat::column_norm;
  template <std::floating_point Real>
  TAMP_FN Real operator()(Real weight, float norm) const noexcept {
    return weight * weight * static_cast<Real>(0.1) + norm * static_cast<Real>(0.3);
  }
};

// The masks of a recipe for a weight in several layouts and types of number.
template <class Recipe>
std::vector<mask::bitmask> masks_of(const Recipe& recipe, const matrix<float>& weight,
                                    const std::vector<float>& norms) {
  std::vector<mask::bitmask> masks;
  const auto add = [&](const auto& numbers) {
    const auto* const data = numbers.data();
    const std::size_t rows = numbers.rows(), cols = numbers.cols();
    masks.push_back(tamp::select(row_major(data, rows, cols), norms, recipe));
    if (rows == cols) masks.push_back(tamp::select(column_major(data, rows, cols), norms, recipe));
    auto pruned = numbers;
    tamp::prune(row_major(pruned.data(), rows, cols), norms, recipe);
    masks.push_back(mask::bitmask::from(row_major(std::as_const(pruned).data(), rows, cols)));
  };
  add(weight);
  add(support::as<double>(weight));
  masks.push_back(tamp::select(
      row_major(support::as<f16>(weight).data(), weight.rows(), weight.cols()), norms, recipe));
  masks.push_back(tamp::select(
      row_major(support::as<bf16>(weight).data(), weight.rows(), weight.cols()), norms, recipe));
  return masks;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_portable_ones_are_always_there) {
  const instructions before = execute::current_instructions();
  execute::use_instructions(instructions::portable);
  BOOST_TEST((execute::current_instructions() == instructions::portable));
  execute::use_instructions(before);
  BOOST_TEST((execute::current_instructions() == before));
  BOOST_TEST(execute::label(instructions::avx512) == "avx512");
}

BOOST_AUTO_TEST_CASE(the_environment_names_the_ones_to_start_with) {
  {
    const environment chosen("portable");
    BOOST_TEST((detail::instructions_at_start() == instructions::portable));
  }
  const environment none("");
  BOOST_TEST((detail::instructions_at_start() == execute::best_instructions()));
}

BOOST_AUTO_TEST_CASE(what_nobody_knows_or_the_processor_lacks_is_refused) {
  const environment unknown("avx1024");
  support::check_error<value_error>(
      "TAMP_INSTRUCTIONS is avx1024; known are portable, avx2 and avx512",
      [] { detail::instructions_at_start(); });
  const instructions best = execute::best_instructions();
  if (best != instructions::avx512)
    support::check_error<value_error>(
        "use_instructions asks for avx512, this processor has " + std::string(label(best)),
        [] { execute::use_instructions(instructions::avx512); });
}

// Masks by scores that are simpler to define are in tests/prune/select_by_definition.cpp.
BOOST_AUTO_TEST_CASE(masks_of_scores_that_add_products_are_the_same_with_all) {
  using namespace score;
  using allocate::uniform;
  for (const auto& [rows, cols] : {std::pair<std::size_t, std::size_t>{1, 1},
                                   {3, 66},
                                   {65, 65},
                                   {7, 1000},
                                   {130, 130},
                                   {300, 40}}) {
    const auto norms = support::random_norms(cols, 3);
    for (const auto& weight :
         {support::random_matrix(rows, cols, 1), support::matrix_of_ties(rows, cols, 2)}) {
      std::vector<std::vector<mask::bitmask>> all;
      support::with_every_instructions([&] {
        std::vector<mask::bitmask> masks;
        const auto add = [&](const auto& recipe) {
          for (auto& mask : masks_of(recipe, weight, norms)) masks.push_back(std::move(mask));
        };
        add(compose(ria{}, pattern::per_row{}, uniform{0.5}));
        add(compose(sum_of_products{}, pattern::per_row{}, uniform{0.5}));
        all.push_back(std::move(masks));
      });
      for (const auto& masks : all) {
        BOOST_REQUIRE(masks.size() == all.front().size());
        for (std::size_t k = 0; k < masks.size(); ++k)
          BOOST_TEST((masks[k] == all.front()[k]), rows << " x " << cols << ", mask " << k);
      }
    }
  }
}

// By definition: sums in double, in the order of the tokens, of products that double holds exactly.
BOOST_AUTO_TEST_CASE(statistics_are_those_of_the_definition_with_all) {
  for (const auto& [tokens, features] :
       {std::pair<std::size_t, std::size_t>{1, 1}, {3, 66}, {37, 130}, {130, 17}}) {
    const auto x = support::random_matrix(tokens, features, 4);
    std::vector<double> squares(features), products(features * features);
    for (std::size_t t = 0; t < tokens; ++t)
      for (std::size_t i = 0; i < features; ++i) {
        squares[i] += double(x(t, i)) * double(x(t, i));
        for (std::size_t j = 0; j < features; ++j)
          products[i * features + j] += double(x(t, i)) * double(x(t, j));
      }
    support::with_every_instructions([&] {
      support::in_every_layout(x, [&](auto view) {
        const auto norm = observe<stat::column_norm>(view);
        BOOST_TEST((std::equal(squares.begin(), squares.end(), norm.sum_of_squares().begin())));
        const auto gram = observe<stat::gram>(view);
        BOOST_TEST((std::equal(products.begin(), products.end(), gram.matrix().data())));
      });
    });
  }
}

// The density within text is the mean cosine of all pairs of tokens, a token with itself among
// them.
BOOST_AUTO_TEST_CASE(diversity_is_that_of_the_definition_to_the_rounding) {
  const std::size_t tokens = 45, features = 67;
  const auto y = support::random_matrix(tokens, features, 8);
  double sum = 0;
  const auto dot = [&](std::size_t s, std::size_t t) {
    double products = 0;
    for (std::size_t j = 0; j < features; ++j) products += double(y(s, j)) * double(y(t, j));
    return products;
  };
  std::size_t pairs = 0;
  for (std::size_t s = 0; s < tokens; ++s)
    for (std::size_t t = s + 1; t < tokens; ++t)
      if (const double cosine = dot(s, t) / std::sqrt(dot(s, s) * dot(t, t)); cosine > 0) {
        sum += cosine;
        ++pairs;
      }
  const std::vector<modality> kinds(tokens, modality::text);
  support::with_every_instructions([&] {
    stat::token_diversity diversity;
    diversity.add(y, kinds);
    BOOST_TEST(
        diversity.density(modality::text, modality::text) == sum / static_cast<double>(pairs),
        boost::test_tools::tolerance(1e-5));
  });
}

BOOST_AUTO_TEST_SUITE_END()
