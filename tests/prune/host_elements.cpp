// A host's own types of number, of every size and with any bits for 0, are pruned as the numbers
// that they stand for.

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <tamp/tamp.hpp>
#include <tuple>
#include <vector>

#include "../support/elements.hpp"
#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/instructions.hpp"
#include "../support/tensors.hpp"
#include "../support/thorough.hpp"

BOOST_AUTO_TEST_SUITE(prune_host_elements)

using support::matrix;
using tamp::allocate::uniform;

namespace {

using every_element =
    std::tuple<support::fp8, support::shifted8, support::shifted16, support::fixed24,
               support::fixed32, support::flipped32, support::flipped64>;

template <class T>
matrix<T> some_elements(std::size_t rows, std::size_t cols) {
  return support::as<T>(support::random_matrix(rows, cols, 7));
}

template <class T>
matrix<T> pruned_by_definition(const matrix<T>& weight, const tamp::mask::bitmask& keep) {
  matrix<T> expected = weight;
  for (std::size_t i = 0; i < weight.rows(); ++i)
    for (std::size_t j = 0; j < weight.cols(); ++j)
      if (!keep(i, j)) expected(i, j) = tamp::element_traits<T>::store(0);
  return expected;
}

// A type of number without a zero.
struct odd_number {
  std::uint8_t half;
};

}  // namespace

BOOST_AUTO_TEST_SUITE_END()

template <>
struct tamp::element_traits<prune_host_elements::odd_number> {
  using compute = float;
  static float load(prune_host_elements::odd_number value) noexcept { return value.half + 0.5f; }
  static prune_host_elements::odd_number store(float number) noexcept {
    return {static_cast<std::uint8_t>(number)};
  }
};

BOOST_AUTO_TEST_SUITE(prune_host_elements)

BOOST_AUTO_TEST_CASE(a_type_of_number_without_a_zero_cannot_be_pruned) {
  matrix<odd_number> weight{{{4}, {1}, {2}, {3}}};
  const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{});
  const auto keep = tamp::select(weight, recipe);
  support::check_error<tamp::value_error>(
      "apply: the weight's type of number has no zero: element_traits stores 0 as what it loads as "
      "0.5",
      [&] { tamp::apply(weight, keep); });
  support::check_error<tamp::value_error>(
      "prune: the weight's type of number has no zero: element_traits stores 0 as what it loads as "
      "0.5",
      [&] { tamp::prune(weight, recipe); });
  BOOST_TEST(weight(0, 1).half == 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(masks_are_those_of_the_numbers_in_every_layout, T, every_element) {
  std::size_t k = 0;
  support::with_every_instructions([&] {
    for (const auto& [rows, cols] : {std::pair{1u, 1u}, {3u, 64u}, {70u, 133u}}) {
      const auto weight = some_elements<T>(rows, cols);
      const auto numbers = support::as<tamp::compute_type<T>>(weight);
      const auto norms = support::random_norms(cols, 3);
      const auto check = [&](const auto& recipe) {
        const auto keep = tamp::select(numbers, norms, recipe);
        support::in_every_layout(
            weight,
            [&](auto m) {
              BOOST_TEST((tamp::select(m, norms, recipe) == keep));
              tamp::prune(m, norms, recipe);
              BOOST_TEST((support::copy_of(m) == pruned_by_definition(weight, keep)));
            },
            [&] { return support::is_run(k++, 3); });
      };
      check(tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, uniform{0.5}));
      check(tamp::compose(tamp::score::wanda{}, tamp::pattern::per_tensor{}, uniform{0.7}));
      check(tamp::compose(tamp::score::ria{}, tamp::pattern::n_of_m<2, 4>{}));
    }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(statistics_are_those_of_the_numbers_in_every_layout, T,
                              every_element) {
  const auto activations = some_elements<T>(9, 70);
  const auto numbers = support::as<tamp::compute_type<T>>(activations);
  support::in_every_layout(activations, [&](auto x) {
    BOOST_TEST((tamp::observe<tamp::stat::column_norm>(x) ==
                tamp::observe<tamp::stat::column_norm>(numbers)));
    BOOST_TEST((tamp::observe<tamp::stat::gram>(x) == tamp::observe<tamp::stat::gram>(numbers)));
    BOOST_TEST(tamp::fingerprint().add(x).value() == tamp::fingerprint().add(numbers).value());
  });
}

BOOST_AUTO_TEST_CASE(an_element_that_is_not_finite_is_refused_whatever_its_size) {
  auto weight = some_elements<support::fp8>(3, 70);
  weight(1, 66).bits = 127;
  const auto recipe =
      tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{}, uniform{0.5});
  support::check_error<tamp::value_error>("select: the weight in row 1, column 66 is nan",
                                          [&] { tamp::select(weight, recipe); });
}

BOOST_AUTO_TEST_CASE(elements_of_a_class_are_read_and_assigned) {
  std::vector<support::counted> weight{4.0, -1.0, 2.0, -3.0};
  tamp::prune(tamp::view(weight, 1, 4),
              tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
  BOOST_TEST(weight[0].number() == 4);
  BOOST_TEST(weight[1].number() == 0);
  BOOST_TEST(weight[2].number() == 0);
  BOOST_TEST(weight[3].number() == -3);
}

BOOST_AUTO_TEST_SUITE_END()
