#include <tamp/detail/simd/kernels.hpp>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/tensors.hpp"
#include "../support/thorough.hpp"

BOOST_AUTO_TEST_SUITE(detail_simd)

using support::infinity;
using support::not_a_number;
using support::with_every_instructions;
using tamp::detail::cut;
using tamp::detail::cut_forecast;
using tamp::detail::cut_scratch;
using tamp::detail::scored_row;
using tamp::detail::with_kernels;

namespace {

// The definition: sort, and count.
template <class T>
cut<T> cut_by_sorting(std::vector<T> scores, std::size_t drop) {
  std::sort(scores.begin(), scores.end());
  const T threshold = scores[drop - 1];
  return {threshold,
          static_cast<std::size_t>(
              std::count_if(scores.begin(), scores.end(), [&](T s) { return s < threshold; })),
          static_cast<std::size_t>(std::count(scores.begin(), scores.end(), threshold))};
}

template <class T>
cut<T> cut_of(const std::vector<T>& scores, std::size_t drop, cut_forecast<T>& forecast) {
  T sum = 0;
  for (const T s : scores) sum += s;
  const scored_row<T> row{scores, sum};
  std::vector<T> scratch(cut_scratch(scores.size()));
  return with_kernels(
      [&](auto kernels) { return kernels.cut_row(row, drop, forecast, scratch.data()); });
}

template <class T>
void check_cut(const std::vector<T>& scores, std::size_t drop, cut_forecast<T>& forecast) {
  const cut<T> expected = cut_by_sorting(scores, drop), found = cut_of(scores, drop, forecast);
  BOOST_TEST_CONTEXT(scores.size() << " scores, drop " << drop) {
    BOOST_TEST(found.threshold == expected.threshold);
    BOOST_TEST(found.below == expected.below);
    BOOST_TEST(found.equal == expected.equal);
  }
}

// Rows as weights have them, and rows as nobody expects them.
template <class T>
std::vector<std::vector<T>> rows_of(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<T> normal;
  std::vector<T> even(size), scaled(size), tied(size), skewed(size), negative(size), mixed(size),
      infinite(size), huge(size), pruned(size), turned(size);
  for (std::size_t j = 0; j < size; ++j) {
    const T number = normal(random);
    even[j] = std::fabs(number);
    scaled[j] = 100 * std::fabs(number);
    tied[j] = static_cast<T>(random() % 4);
    skewed[j] = std::exp(8 * number);
    negative[j] = -std::fabs(number);
    mixed[j] = random() % 9 == 0 ? (random() % 2 == 0 ? T{0} : -T{0}) : number;
    infinite[j] = random() % 3 == 0 ? std::numeric_limits<T>::infinity() : number;
    huge[j] = random() % 2 == 0 ? std::numeric_limits<T>::max() : -std::numeric_limits<T>::max();
    pruned[j] = j % 2 == 0 ? T{0} : std::fabs(number);
    turned[j] = -pruned[j];
  }
  return {even,     scaled, even, tied, skewed, negative, mixed,  even,
          infinite, huge,   even, even, pruned, turned,   pruned, std::vector<T>(size, T{3})};
}

template <class T>
void check_cuts() {
  std::size_t k = 0;
  for (const std::size_t size : {1u, 2u, 7u, 31u, 33u, 64u, 65u, 100u, 127u, 500u, 4097u}) {
    for (const double share : {0.02, 0.3, 0.5, 0.9, 1.0}) {
      if (!support::is_run(k++, 3)) continue;
      const auto drop =
          std::max<std::size_t>(1, static_cast<std::size_t>(share * static_cast<double>(size)));
      cut_forecast<T> forecast;  // what it learns from one row misleads it in the next
      for (unsigned seed = 0; seed < 2; ++seed)
        for (const auto& row : rows_of<T>(size, seed)) check_cut(row, drop, forecast);
    }
  }
}

template <class Element>
void check_scores_of_all_values() {
  std::vector<Element> weights;
  for (unsigned bits = 0; bits < 65536; ++bits)
    weights.push_back(Element::from_bits(static_cast<std::uint16_t>(bits)));
  std::vector<float> scores(weights.size());
  const auto itself = [](float weight, std::size_t) { return weight; };
  const bool is_usable = with_kernels([&](auto kernels) {
    return kernels.template score_row<false>(weights.data(), weights.size(), itself, scores.data())
        .is_usable;
  });
  BOOST_TEST(!is_usable);
  std::size_t wrong = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const float expected = static_cast<float>(weights[k]);
    wrong += std::isnan(expected) ? !std::isnan(scores[k])
                                  : std::memcmp(&expected, &scores[k], sizeof expected) != 0;
  }
  BOOST_TEST(wrong == 0u);
}

template <class Element>
bool is_usable_with(Element odd, std::size_t size, std::size_t at) {
  std::vector<Element> weights(size, tamp::element_traits<Element>::store(1));
  weights[at] = odd;
  std::vector<tamp::compute_type<Element>> scores(size);
  const auto itself = [](auto weight, std::size_t) { return weight; };
  const auto scored = [&](auto kernels, auto by_sum) {
    return kernels.template score_row<by_sum>(weights.data(), size, itself, scores.data())
        .is_usable;
  };
  return with_kernels([&](auto kernels) {
    const bool is_usable = kernels.row_is_finite(weights.data(), size);
    BOOST_TEST(scored(kernels, std::false_type{}) == is_usable);
    BOOST_TEST(scored(kernels, std::true_type{}) == is_usable);
    return is_usable;
  });
}

template <class Bits>
void check_zeroing() {
  for (const std::size_t size : {0u, 1u, 5u, 63u, 64u, 65u, 128u, 200u}) {
    std::mt19937_64 random(size);
    const std::vector<Bits> before(size + 4, static_cast<Bits>(0x8123456789abcdefu));
    std::vector<tamp::mask::word> words((size + 63) / 64);
    for (auto& word : words) word = random();
    for (const Bits zero : {Bits{0}, static_cast<Bits>(0x8000000080008055u)}) {
      std::vector<Bits> after = before, expected = before;
      with_kernels([&](auto kernels) {
        kernels.replace_dropped(reinterpret_cast<std::byte*>(after.data()), size, words.data(),
                                zero);
      });
      for (std::size_t j = 0; j < size; ++j)
        if ((words[j / 64] >> j % 64 & 1u) == 0) expected[j] = zero;
      BOOST_TEST(after == expected, boost::test_tools::per_element());
    }
  }
}

template <class Element>
void check_tile(std::size_t rows, std::size_t cols) {
  const std::size_t stride = rows + 3, pitch = cols + 5;
  std::vector<Element> columns(stride * cols);
  using real = tamp::compute_type<Element>;
  for (std::size_t k = 0; k < columns.size(); ++k)
    columns[k] = tamp::element_traits<Element>::store(static_cast<real>(k % 251) / 4);
  std::vector<real> tile(rows * pitch + 1, -1);
  with_kernels([&](auto kernels) {
    kernels.rows_of_columns(columns.data(), static_cast<std::ptrdiff_t>(stride), rows, cols,
                            tile.data(), pitch);
  });
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < pitch; ++j)
      wrong += tile[i * pitch + j] !=
               (j < cols ? tamp::element_traits<Element>::load(columns[j * stride + i]) : real{-1});
  BOOST_TEST(wrong == 0u);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_row_is_cut_where_sorting_would_cut_it) {
  with_every_instructions([] {
    cut_forecast<float> forecast;
    const cut<float> found = cut_of<float>({4, 1, 3, 1, 9, 1, 7}, 3, forecast);
    BOOST_TEST(found.threshold == 1.0f);
    BOOST_TEST(found.below == 0u);
    BOOST_TEST(found.equal == 3u);
    check_cuts<float>();
    check_cuts<double>();
  });
}

BOOST_AUTO_TEST_CASE(a_cut_is_also_found_in_a_very_long_row) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> scores(131072);
  with_every_instructions([&] {
    cut_forecast<float> forecast;
    for (std::size_t row = 0; row < 6; ++row) {
      if (!support::is_run(row, 3)) continue;
      for (float& s : scores) s = std::fabs(normal(random));
      check_cut(scores, 40000, forecast);
    }
  });
}

BOOST_AUTO_TEST_CASE(every_16_bit_number_is_scored_as_its_value) {
  with_every_instructions([] {
    check_scores_of_all_values<tamp::f16>();
    check_scores_of_all_values<tamp::bf16>();
  });
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_is_seen_wherever_it_stands) {
  with_every_instructions([] {
    for (const std::size_t size : {1u, 63u, 64u, 131u})
      for (std::size_t at = 0; at < size; ++at) {
        BOOST_TEST(!is_usable_with(not_a_number, size, at));
        BOOST_TEST(!is_usable_with(-infinity, size, at));
        BOOST_TEST(!is_usable_with(static_cast<double>(infinity), size, at));
        BOOST_TEST(!is_usable_with(tamp::f16(infinity), size, at));
        BOOST_TEST(!is_usable_with(tamp::bf16(not_a_number), size, at));
        BOOST_TEST(is_usable_with(std::numeric_limits<float>::max(), size, at));
        BOOST_TEST(is_usable_with(tamp::f16(65504.0f), size, at));
      }
  });
}

BOOST_AUTO_TEST_CASE(a_score_that_is_no_number_is_seen_and_infinity_is_not) {
  with_every_instructions([] {
    for (const std::size_t at : {0u, 70u, 128u}) {
      const std::vector<float> weights(129, 1.0f);
      std::vector<float> scores(129);
      const auto usable = [&](float odd, auto by_sum) {
        return with_kernels([&](auto kernels) {
          return kernels
              .template score_row<by_sum>(
                  weights.data(), weights.size(),
                  [&](float weight, std::size_t j) { return j == at ? odd : weight; },
                  scores.data())
              .is_usable;
        });
      };
      BOOST_TEST(!usable(not_a_number, std::false_type{}));
      BOOST_TEST(!usable(not_a_number, std::true_type{}));
      BOOST_TEST(usable(infinity, std::false_type{}));
      BOOST_TEST(usable(infinity, std::true_type{}));
    }
  });
}

BOOST_AUTO_TEST_CASE(bits_are_set_above_the_threshold_and_nowhere_else) {
  with_every_instructions([] {
    for (const std::size_t size : {1u, 63u, 64u, 65u, 200u}) {
      std::vector<float> scores(size);
      for (std::size_t j = 0; j < size; ++j) scores[j] = static_cast<float>(j % 5) - 1;
      std::vector<tamp::mask::word> above((size + 63) / 64, 0x5555), not_below = above;
      with_kernels([&](auto kernels) {
        kernels.keep_above(scores.data(), size, 1.0f, above.data());
        kernels.template keep_above<true>(scores.data(), size, 1.0f, not_below.data());
      });
      for (std::size_t j = 0; j < above.size() * 64; ++j) {
        BOOST_TEST((above[j / 64] >> j % 64 & 1u) == (j < size && scores[j] > 1 ? 1u : 0u));
        BOOST_TEST((not_below[j / 64] >> j % 64 & 1u) == (j < size && scores[j] >= 1 ? 1u : 0u));
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(elements_of_any_width_are_zeroed_by_their_bits) {
  with_every_instructions([] {
    check_zeroing<std::uint8_t>();
    check_zeroing<std::uint16_t>();
    check_zeroing<std::uint32_t>();
    check_zeroing<std::uint64_t>();
  });
}

BOOST_AUTO_TEST_CASE(two_of_four_are_kept_whatever_equals_what) {
  // All groups of four different numbers or fewer.
  const float numbers[] = {-infinity, 0.0f, 0.5f, 7.0f};
  std::vector<float> scores;
  for (std::size_t k = 0; k < 256; ++k)
    for (const std::size_t digit : {k % 4, k / 4 % 4, k / 16 % 4, k / 64})
      scores.push_back(digit == 1 && k % 3 == 0 ? -0.0f : numbers[digit]);
  with_every_instructions([&] {
    std::vector<tamp::mask::word> words(16);
    with_kernels(
        [&](auto kernels) { kernels.keep_2_of_4(scores.data(), scores.size(), words.data()); });
    for (std::size_t j = 0; j < scores.size(); ++j) {
      std::size_t before = 0;
      for (std::size_t k = j / 4 * 4; k < j / 4 * 4 + 4; ++k)
        before += scores[k] < scores[j] || (scores[k] == scores[j] && k < j);
      BOOST_TEST((words[j / 64] >> j % 64 & 1u) == (before >= 2 ? 1u : 0u));
    }
  });
}

BOOST_AUTO_TEST_CASE(brackets_are_counted_and_emptied_with_the_columns) {
  with_every_instructions([] {
    std::vector<float> scores(203);
    for (std::size_t j = 0; j < scores.size(); ++j) scores[j] = static_cast<float>((j * 7) % 100);
    const std::array limits{10.0f, 50.0f, 90.0f};
    std::vector<float> within(cut_scratch(203));
    std::vector<std::uint32_t> columns(within.size());
    with_kernels([&](auto kernels) {
      const auto counts = kernels.count_below(scores.data(), scores.size(), limits);
      for (std::size_t k = 0; k < limits.size(); ++k) {
        const auto below = [&](float s) { return s < limits[k]; };
        BOOST_TEST(counts[k] ==
                   static_cast<std::size_t>(std::count_if(scores.begin(), scores.end(), below)));
      }
      BOOST_TEST(kernels.count_equal(scores.data(), scores.size(), 50.0f) ==
                 static_cast<std::size_t>(std::count(scores.begin(), scores.end(), 50.0f)));
      const std::size_t count = kernels.gather_columns_within(scores.data(), scores.size(), 10.0f,
                                                              20.0f, within.data(), columns.data());
      std::size_t k = 0;
      for (std::size_t j = 0; j < scores.size(); ++j) {
        if (!(scores[j] >= 10 && scores[j] <= 20)) continue;
        BOOST_REQUIRE(k < count);
        BOOST_TEST(within[k] == scores[j]);
        BOOST_TEST(columns[k] == j);
        ++k;
      }
      BOOST_TEST(k == count);
    });
  });
}

BOOST_AUTO_TEST_CASE(sums_in_double_have_the_same_bits_for_every_length_of_vector) {
  const auto numbers = support::random_matrix(9, 333, 1);
  std::vector<std::vector<double>> seen;
  with_every_instructions([&] {
    std::vector<double> sums, columns(333), squares(333);
    with_kernels([&](auto kernels) {
      for (const std::size_t size : {0u, 1u, 15u, 16u, 17u, 333u})
        sums.push_back(kernels.sum_in_double(numbers.data(), size));
      for (std::size_t i = 0; i < 9; ++i)
        sums.push_back(kernels.add_absolute(numbers.data() + i * 333, 333, columns.data()));
      kernels.add_squares(numbers.data(), 333, 9, 333, squares.data());
    });
    double sum = 0, absolute = 0, square = 0;
    for (std::size_t j = 0; j < 333; ++j) sum += static_cast<double>(numbers(0, j));
    BOOST_TEST(sums[5] == sum, boost::test_tools::tolerance(1e-12));
    for (std::size_t i = 0; i < 9; ++i) {
      const auto number = static_cast<double>(numbers(i, 332));
      absolute += std::fabs(number);
      square += number * number;
    }
    BOOST_TEST(columns[332] == absolute);
    BOOST_TEST(squares[332] == square);
    sums.insert(sums.end(), columns.begin(), columns.end());
    sums.insert(sums.end(), squares.begin(), squares.end());
    seen.push_back(sums);
  });
  for (const auto& sums : seen) BOOST_TEST((sums == seen.front()));
}

BOOST_AUTO_TEST_CASE(tiles_of_columns_become_rows) {
  with_every_instructions([] {
    for (const auto& [rows, cols] :
         {std::pair<std::size_t, std::size_t>{1, 1}, {3, 70}, {16, 16}, {37, 50}, {64, 9}}) {
      check_tile<float>(rows, cols);
      check_tile<double>(rows, cols);
      check_tile<tamp::f16>(rows, cols);
      check_tile<tamp::bf16>(rows, cols);
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
