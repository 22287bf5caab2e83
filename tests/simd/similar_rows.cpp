#include <tamp/simd/similar_rows.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include "../support/instructions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(simd_similar_rows)

using support::with_every_instructions;
using tamp::detail::with_similar_rows;

namespace {

template <class Real>
std::vector<Real> random_row(std::size_t size, unsigned seed) {
  const auto m = support::random_matrix(1, size, seed);
  return std::vector<Real>(m.data(), m.data() + size);
}

constexpr std::size_t sizes[] = {0, 1, 3, 7, 15, 16, 17, 33, 200};
using reals = decltype(std::tuple<float, double>{});

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(products_are_as_good_as_double_and_the_same_everywhere, Real, reals) {
  for (const std::size_t size : sizes) {
    const auto a = random_row<Real>(size, 1), b = random_row<Real>(size, 2);
    double expected = 0;
    for (std::size_t j = 0; j < size; ++j) expected += double(a[j]) * double(b[j]);
    std::vector<double> found;
    with_every_instructions([&] {
      found.push_back(
          with_similar_rows([&](auto rows) { return rows.dot(a.data(), b.data(), size); }));
    });
    for (const double sum : found) {
      BOOST_TEST(std::abs(sum - expected) <= 1e-13);
      BOOST_TEST(sum == found[0]);
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_products_at_once_are_the_same_products, Real, reals) {
  with_every_instructions([] {
    for (const std::size_t size : sizes) {
      const auto a = random_row<Real>(size, 5), b = random_row<Real>(size, 6);
      with_similar_rows([&](auto rows) {
        const auto both = rows.own_and_common(a.data(), b.data(), size);
        BOOST_TEST(both.square == rows.dot(a.data(), a.data(), size));
        BOOST_TEST(both.product == rows.dot(a.data(), b.data(), size));
      });
    }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(differences_of_rows, Real, reals) {
  std::vector<std::vector<double>> found;
  with_every_instructions([&] {
    found.emplace_back();
    for (const std::size_t size : sizes) {
      const auto a = random_row<Real>(size, 7), b = random_row<Real>(size, 8);
      double largest = 0, sum = 0, squares = 0;
      for (std::size_t j = 0; j < size; ++j) {
        const double d = std::abs(double(a[j]) - double(b[j]));
        largest = d > largest ? d : largest;
        sum += d;
        squares += d * d;
      }
      with_similar_rows([&](auto rows) {
        BOOST_TEST(rows.largest_difference(a.data(), b.data(), size) == largest);
        const double ours = rows.template sum_of_differences<false>(a.data(), b.data(), size),
                     squared = rows.template sum_of_differences<true>(a.data(), b.data(), size);
        BOOST_TEST(std::abs(ours - sum) <= 1e-12);
        BOOST_TEST(std::abs(squared - squares) <= 1e-12);
        found.back().push_back(ours);
        found.back().push_back(squared);
      });
    }
  });
  for (const auto& sums : found) BOOST_TEST(sums == found[0], boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(products_become_cosines) {
  with_every_instructions([] {
    for (const std::size_t size : sizes) {
      auto products = random_row<double>(size, 14), scale = random_row<double>(size, 15);
      for (std::size_t j = 0; j < size; ++j)
        if (j % 3 != 2) {  // what rounding leaves of 1 and -1, and what is farther from them
          scale[j] = 2;
          products[j] = (j % 3 == 0 ? 1 : -1) * (1 + double(int(j % 7) - 3) * 0x1p-51);
        }
      const auto before = products;
      with_similar_rows(
          [&](auto rows) { rows.make_cosines(products.data(), scale.data(), size, 0.5); });
      for (std::size_t j = 0; j < size; ++j) {
        const double cosine = before[j] * (scale[j] * 0.5);
        const bool is_one = std::abs(std::abs(cosine) - 1) <= 0x1p-50;
        BOOST_TEST(products[j] == (is_one ? std::copysign(1.0, cosine) : cosine));
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(the_largest_of_a_row_and_of_two_rows) {
  with_every_instructions([] {
    for (const std::size_t size : sizes) {
      const auto a = random_row<double>(size, 16), b = random_row<double>(size, 17);
      auto raised = a;
      with_similar_rows([&](auto rows) {
        rows.raise_to(b.data(), size, raised.data());
        double largest = std::numeric_limits<double>::lowest();
        for (std::size_t j = 0; j < size; ++j) {
          BOOST_TEST(raised[j] == std::max(a[j], b[j]));
          largest = std::max(largest, a[j]);
        }
        BOOST_TEST(rows.largest(a.data(), size) == largest);
      });
    }
  });
}

BOOST_AUTO_TEST_CASE(squared_distances_from_two_points) {
  std::vector<std::vector<double>> found;
  with_every_instructions([&] {
    found.emplace_back();
    for (const std::size_t size : sizes) {
      const auto a = random_row<float>(size, 11);
      const auto one = random_row<double>(size, 12), other = random_row<double>(size, 13);
      double to_one = 0, to_other = 0;
      for (std::size_t j = 0; j < size; ++j) {
        to_one += std::pow(double(a[j]) * 0.7 - one[j], 2);
        to_other += std::pow(double(a[j]) * 0.7 - other[j], 2);
      }
      const auto ours = with_similar_rows([&](auto rows) {
        return rows.distances_to(a.data(), size, 0.7, one.data(), other.data());
      });
      BOOST_TEST(std::abs(ours.to_one - to_one) <= 1e-12);
      BOOST_TEST(std::abs(ours.to_other - to_other) <= 1e-12);
      found.back().push_back(ours.to_one);
      found.back().push_back(ours.to_other);
    }
  });
  for (const auto& sums : found) BOOST_TEST(sums == found[0], boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_above_limits_is_added) {
  std::vector<std::vector<double>> found;
  with_every_instructions([&] {
    found.emplace_back();
    for (const std::size_t size : sizes) {
      const auto a = random_row<double>(size, 9);
      auto limits = random_row<double>(size, 10);
      double sum = 0;
      for (std::size_t j = 0; j < size; ++j) sum += a[j] > limits[j] ? a[j] - limits[j] : 0;
      with_similar_rows([&](auto rows) {
        const double ours = rows.sum_above(a.data(), limits.data(), size);
        BOOST_TEST(std::abs(ours - sum) <= 1e-12);
        found.back().push_back(ours);
        BOOST_TEST(rows.sum_above(a.data(), a.data(), size) == 0.0);
        for (double& limit : limits) limit += 0.1;
        BOOST_TEST(rows.sum_above(a.data(), limits.data(), size) <= ours);
      });
    }
  });
  for (const auto& sums : found) BOOST_TEST(sums == found[0], boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(rows_are_scaled_and_added, Real, reals) {
  with_every_instructions([] {
    for (const std::size_t size : sizes) {
      const auto a = random_row<Real>(size, 3);
      std::vector<float> scaled(size);
      std::vector<double> sums(size, 1.0);
      with_similar_rows([&](auto rows) {
        rows.scale(a.data(), size, 0.3, scaled.data());
        rows.add_scaled(a.data(), size, 0.3, sums.data());
      });
      for (std::size_t j = 0; j < size; ++j) {
        BOOST_TEST(scaled[j] == static_cast<float>(double(a[j]) * 0.3));
        volatile double product = double(a[j]) * 0.3;  // which no compiler fuses with the sum
        BOOST_TEST(sums[j] == 1.0 + product);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(positive_numbers_of_one_kind_are_counted, Real, reals) {
  with_every_instructions([] {
    for (const std::size_t size : sizes) {
      auto a = random_row<Real>(size, 4);
      if (size > 2) a[2] = 0;
      std::vector<std::uint64_t> kinds(size);
      double sum = 0, count = 0;
      for (std::size_t j = 0; j < size; ++j) {
        kinds[j] = j * 5 % 3;
        if (kinds[j] == 1 && a[j] > 0) sum += double(a[j]), count += 1;
      }
      const auto found = with_similar_rows(
          [&](auto rows) { return rows.sum_of_positive(a.data(), kinds.data(), 1, size); });
      BOOST_TEST(found.count == count);
      BOOST_TEST(std::abs(found.sum - sum) <= 1e-13);
    }
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(positive_numbers_of_one_kind_are_weighted, Real, reals) {
  with_every_instructions([] {
    for (const std::size_t size : sizes) {
      auto a = random_row<Real>(size, 4);
      if (size > 2) a[2] = 0;
      std::vector<std::uint64_t> kinds(size);
      std::vector<double> weights(size), ones(size, 1.0);
      double sum = 0, total = 0;
      for (std::size_t j = 0; j < size; ++j) {
        kinds[j] = j * 5 % 3;
        weights[j] = static_cast<double>(1 + j % 4) / 4;
        if (kinds[j] == 1 && a[j] > 0) sum += weights[j] * double(a[j]), total += weights[j];
      }
      with_similar_rows([&](auto rows) {
        const auto found =
            rows.weighted_sum_of_positive(a.data(), kinds.data(), weights.data(), 1, size);
        BOOST_TEST(found.count == total);
        BOOST_TEST(std::abs(found.sum - sum) <= 1e-13);
        const auto equal =
            rows.weighted_sum_of_positive(a.data(), kinds.data(), ones.data(), 1, size);
        const auto counted = rows.sum_of_positive(a.data(), kinds.data(), 1, size);
        BOOST_TEST(equal.sum == counted.sum);
        BOOST_TEST(equal.count == counted.count);
      });
    }
  });
}

BOOST_AUTO_TEST_CASE(kernels_are_sums_of_exponentials) {
  with_every_instructions([] {
    for (const std::size_t size : sizes) {
      const auto products = random_row<double>(size, 5);
      std::vector<float> rounded(products.begin(), products.end());
      std::vector<double> lengths(size, 1.0);
      if (size > 1) lengths[1] = 0;
      for (const double factor : {-0.5, -50.0, 0.1}) {
        double expected = 0;
        for (std::size_t j = 0; j < size; ++j)
          expected += std::exp(factor * (2.0 + lengths[j] - 2 * products[j]));
        with_similar_rows([&](auto rows) {
          const auto sum = [&](const auto& numbers) {
            return rows.sum_of_kernels(numbers.data(), lengths.data(), size, 2.0, factor);
          };
          BOOST_TEST(std::abs(sum(products) - expected) <= 1e-13 * expected);
          BOOST_TEST(std::abs(sum(rounded) - expected) <= 1e-5 * expected);
        });
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(exponentials_are_right_to_the_ends_of_their_range) {
  with_every_instructions([] {
    const auto exponential = [](double x) {
      const double nothing = 0, length = 0;
      return with_similar_rows(
          [&](auto rows) { return rows.sum_of_kernels(&nothing, &length, 1, 1.0, x); });
    };
    for (double x = -708; x <= 709; x += 0.37)
      BOOST_TEST_REQUIRE(std::abs(exponential(x) / std::exp(x) - 1) < 1e-15);
    BOOST_TEST(exponential(0) == 1);
    BOOST_TEST(exponential(-708.5) == 0);
    BOOST_TEST(exponential(-std::numeric_limits<double>::infinity()) == 0);
    BOOST_TEST(std::isinf(exponential(710)));
    BOOST_TEST(std::isinf(exponential(std::numeric_limits<double>::infinity())));
    BOOST_TEST(std::isnan(exponential(std::numeric_limits<double>::quiet_NaN())));
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_next_number_is_found_wherever_it_is, Real, reals) {
  with_every_instructions([] {
    for (const std::size_t size : sizes)
      for (std::size_t place = 0; place <= size; ++place) {
        std::vector<Real> numbers(size, Real(-3));
        if (place < size) numbers[place] = Real(0.5);
        with_similar_rows([&](auto rows) {
          BOOST_TEST(rows.next_above(numbers.data(), 0, size, Real(0.25)) == place);
          BOOST_TEST(rows.next_above(numbers.data(), 0, size, Real(0.5)) == size);
          BOOST_TEST(rows.next_near_zero(numbers.data(), place / 2, size, Real(0.75)) == place);
          BOOST_TEST(rows.next_near_zero(numbers.data(), 0, size, Real(0.5)) == size);
          if (place < size)
            BOOST_TEST(rows.next_above(numbers.data(), place + 1, size, Real(0)) == size);
        });
      }
  });
}

BOOST_AUTO_TEST_SUITE_END()
