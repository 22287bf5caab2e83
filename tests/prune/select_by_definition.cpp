#include <bit>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <tamp/tamp.hpp>
#include <utility>
#include <vector>

#include "../support/by_sorting.hpp"
#include "../support/executors.hpp"
#include "../support/floating_point.hpp"
#include "../support/instructions.hpp"
#include "../support/tensors.hpp"
#include "../support/thorough.hpp"

// Every set of instructions against the definition: scores that are written out one by one and
// sorted.
BOOST_AUTO_TEST_SUITE(prune_select_by_definition)

using namespace tamp;
using allocate::uniform;
using support::matrix;

namespace {

template <class T>
using bits_of =
    std::conditional_t<sizeof(T) == 2, std::uint16_t,
                       std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;

// The bits of the smallest normal and of the largest finite number.
template <class T>
constexpr std::pair<bits_of<T>, bits_of<T>> limits_of() {
  if constexpr (std::is_same_v<T, f16>)
    return {std::uint16_t{0x0400}, std::uint16_t{0x7bff}};
  else if constexpr (std::is_same_v<T, bf16>)
    return {std::uint16_t{0x0080}, std::uint16_t{0x7f7f}};
  else
    return {std::bit_cast<bits_of<T>>(std::numeric_limits<T>::min()),
            std::bit_cast<bits_of<T>>(std::numeric_limits<T>::max())};
}

enum class numbers { normal, few, subnormal, smallest, largest, pruned, equal };
constexpr numbers all_numbers[] = {numbers::normal,   numbers::few,     numbers::subnormal,
                                   numbers::smallest, numbers::largest, numbers::pruned,
                                   numbers::equal};

template <class T, class Random>
T number_of(numbers kind, Random& random) {
  using bits = bits_of<T>;
  const auto [smallest, largest] = limits_of<T>();
  const bits sign = static_cast<bits>(static_cast<bits>(random() % 2) << (8 * sizeof(T) - 1));
  const auto of_bits = [&](auto magnitude) {
    return std::bit_cast<T>(static_cast<bits>(static_cast<bits>(magnitude) | sign));
  };
  const auto of_real = [](double real) {
    return element_traits<T>::store(static_cast<compute_type<T>>(real));
  };
  switch (kind) {
    case numbers::few:
      return of_real(static_cast<double>(random() % 9) / 4 - 1);
    case numbers::subnormal:
      return of_bits(random() % 8);
    case numbers::smallest:
      return of_bits(smallest - 3 + random() % 7);
    case numbers::largest:
      return of_bits(largest - random() % 4);
    case numbers::pruned:
      if (random() % 2 == 0) return of_bits(0);
      break;
    case numbers::equal:
      return of_bits(smallest);
    case numbers::normal:
      break;
  }
  return of_real(std::normal_distribution<double>()(random));
}

template <class T, class Random>
matrix<T> weight_of(numbers kind, std::size_t rows, std::size_t cols, Random& random) {
  matrix<T> weight(rows, cols);
  for (std::size_t k = 0; k < rows * cols; ++k) weight.data()[k] = number_of<T>(kind, random);
  return weight;
}

// Counts the masks that differ from what sorting the scores gives.
template <class Score, class T, class Select>
std::size_t wrong_masks(const matrix<T>& weight, const std::vector<float>& norms, double sparsity,
                        const Select& select_with) {
  const auto scores = std::is_same_v<Score, score::wanda> ? support::magnitudes(weight, norms)
                                                          : support::magnitudes(weight);
  const mask::bitmask expected[] = {
      support::per_row_by_sorting(scores, sparsity),
      support::per_tensor_by_sorting(scores, sparsity), support::n_of_m_by_sorting(scores, 2, 4),
      support::n_of_m_by_sorting(scores, 4, 8), support::n_of_m_by_sorting(scores, 1, 3)};
  const auto masks = select_with(compose(Score{}, pattern::per_row{}, uniform{sparsity}),
                                 compose(Score{}, pattern::per_tensor{}, uniform{sparsity}),
                                 compose(Score{}, pattern::n_of_m<2, 4>{}),
                                 compose(Score{}, pattern::n_of_m<4, 8>{}),
                                 compose(Score{}, pattern::n_of_m<1, 3>{}));
  std::size_t wrong = 0, k = 0;
  for (const mask::bitmask& mask : masks) wrong += mask != expected[k++];
  return wrong;
}

// A small matrix of each kind of number and each shape, in one layout after another, or in all of
// them.
template <class T>
void check_all_kinds(bool is_flushed) {
  std::mt19937 random(7);
  const std::pair<std::size_t, std::size_t> shapes[] = {
      {1, 1}, {1, 130}, {2, 63}, {3, 64}, {5, 65}, {4, 257}, {66, 3}, {17, 33}, {3, 500}};
  std::size_t layout = 0;
  for (const auto& [rows, cols] : shapes)
    for (const numbers kind : all_numbers) {
      const auto weight = weight_of<T>(kind, rows, cols, random);
      const auto norms = support::random_norms(cols, static_cast<unsigned>(random()));
      const double sparsity = static_cast<double>(random() % 1001) / 1000;
      std::size_t wrong = 0;
      const auto in_layouts = [&](auto score) {
        support::in_every_layout(
            weight,
            [&](auto view) {
              wrong +=
                  wrong_masks<decltype(score)>(weight, norms, sparsity, [&](const auto&... recipe) {
                    std::optional<support::flushed_subnormals> host;
                    if (is_flushed) host.emplace();
                    return std::vector{tamp::select(view, norms, recipe)...};
                  });
            },
            [&] { return support::is_run(layout++, 19); });
      };
      in_layouts(score::magnitude{});
      in_layouts(score::wanda{});
      BOOST_TEST(wrong == 0u, rows << " x " << cols << ", kind " << static_cast<int>(kind)
                                   << ", sparsity " << sparsity << ": " << wrong);
    }
}

// Very many very small matrices of subnormal numbers.
template <class T>
void check_subnormals(std::size_t count) {
  std::mt19937 random(11);
  std::size_t wrong = 0;
  for (std::size_t k = 0; k < count; ++k) {
    if (!support::is_run(k, 5)) continue;
    const auto weight = weight_of<T>(k % 3 == 0 ? numbers::smallest : numbers::subnormal,
                                     1 + random() % 4, 1 + random() % 9, random);
    const double sparsity = static_cast<double>(random() % 1001) / 1000;
    wrong += wrong_masks<score::magnitude>(weight, {}, sparsity, [&](const auto&... recipe) {
      const support::flushed_subnormals host;
      return std::vector{
          tamp::select(row_major(weight.data(), weight.rows(), weight.cols()), recipe)...};
    });
  }
  BOOST_TEST(wrong == 0u);
}

}  // namespace

BOOST_AUTO_TEST_CASE(masks_are_those_of_the_definition) {
  support::with_every_instructions([] {
    check_all_kinds<float>(false);
    check_all_kinds<double>(false);
    check_all_kinds<f16>(false);
    check_all_kinds<bf16>(false);
  });
}

BOOST_AUTO_TEST_CASE(they_are_so_where_the_host_flushes_subnormal_numbers_to_zero) {
  support::with_every_instructions([] {
    check_all_kinds<float>(true);
    check_all_kinds<double>(true);
    check_all_kinds<f16>(true);
    check_all_kinds<bf16>(true);
  });
}

BOOST_AUTO_TEST_CASE(very_small_matrices_of_subnormal_numbers_have_exact_counts) {
  support::with_every_instructions([] {
    check_subnormals<float>(2500);
    check_subnormals<double>(2500);
    check_subnormals<f16>(2500);
    check_subnormals<bf16>(2500);
  });
}

// The threads of a host's pool have the environment of whoever started them.
BOOST_AUTO_TEST_CASE(threads_of_the_host_compute_alike) {
  std::mt19937 random(3);
  const auto weight = weight_of<float>(numbers::subnormal, 40, 70, random);
  const auto recipe = compose(score::magnitude{}, pattern::per_tensor{}, uniform{0.4});
  const auto expected = support::per_tensor_by_sorting(support::magnitudes(weight), 0.4);
  for (const auto& exec : support::every_executor) {
    const support::flushed_subnormals host;
    BOOST_TEST((tamp::select(exec, weight, recipe) == expected), exec);
  }
}

BOOST_AUTO_TEST_CASE(counts_and_masks_do_not_depend_on_the_rounding_mode) {
  std::mt19937 random(5);
  const auto weight = weight_of<float>(numbers::normal, 30, 100, random);
  const auto norms = support::random_norms(100, 5);
  const auto recipe = compose(score::wanda{}, pattern::per_row{}, uniform{0.29});
  const auto expected = tamp::select(weight, norms, recipe);
  BOOST_TEST(expected.count(0) == 100u - 28u);  // 100 * 0.29 is 28.999... in double
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    const support::rounding host(mode);
    BOOST_TEST((tamp::select(weight, norms, recipe) == expected));
  }
}

// Sums of subnormal numbers are exact, so that statistics in either environment are the same.
BOOST_AUTO_TEST_CASE(statistics_do_not_depend_on_the_environment) {
  std::mt19937 random(9);
  for (const numbers kind : {numbers::subnormal, numbers::smallest, numbers::normal}) {
    const auto x = support::as<double>(weight_of<float>(kind, 21, 70, random));
    auto tiny = x;
    for (std::size_t k = 0; k < 21 * 70; ++k) tiny.data()[k] *= 0x1p-480;  // squares underflow
    support::with_every_instructions([&] {
      const auto norm = observe<stat::column_norm>(tiny);
      const auto gram = observe<stat::gram>(x);
      const auto values = norm.values();
      const auto again = [&] {
        BOOST_TEST((observe<stat::column_norm>(tiny) == norm));
        BOOST_TEST((observe<stat::gram>(x) == gram));
        BOOST_TEST((norm.values() == values));
      };
      {
        const support::flushed_subnormals host;
        again();
      }
      const support::rounding host(FE_UPWARD);
      again();
    });
  }
}

BOOST_AUTO_TEST_SUITE_END()
