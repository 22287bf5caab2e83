#include <tamp/stat/pairwise.hpp>

#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/concepts.hpp>
#include <tamp/stat/gram.hpp>
#include <tamp/stat/hidden_change.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_pairwise)

using support::matrix;
using tamp::stat::column_norm;
using tamp::stat::gram;
using tamp::stat::hidden_change;
using tamp::stat::pairwise;

static_assert(tamp::stat::statistic<pairwise<column_norm>>);
static_assert(tamp::stat::statistic<pairwise<gram>>);
static_assert(tamp::stat::statistic<pairwise<hidden_change>>);

namespace {

// A statistic whose sum shows the order of its additions, as text.
struct written_sum {
  std::string text;
  std::uint64_t count = 0;

  static constexpr std::string_view label() { return "written_sum"; }
  template <tamp::executor E, class X>
  written_sum& add(const E&, const X& x) {
    text = std::to_string(static_cast<int>(x(0, 0)));
    ++count;
    return *this;
  }
  written_sum& combine(const written_sum& other) {
    text = "(" + other.text + "+" + text + ")";
    count += other.count;
    return *this;
  }
  std::uint64_t tokens() const { return count; }
  friend bool operator==(const written_sum&, const written_sum&) = default;
};

std::string sum_of(int sequences) {
  pairwise<written_sum> all;
  for (int k = 0; k < sequences; ++k) all.add(matrix<float>{{static_cast<float>(k)}});
  return all.total().text;
}

// Sequences whose sums are rounded.
std::vector<matrix<float>> sequences(std::size_t count) {
  std::vector<matrix<float>> all;
  for (unsigned k = 0; k < count; ++k) all.push_back(support::random_matrix(3 + k % 4, 5, k));
  return all;
}

template <class Statistic>
pairwise<Statistic> part(const std::vector<matrix<float>>& all, std::size_t begin,
                         std::size_t end) {
  pairwise<Statistic> seen({}, begin);
  for (std::size_t k = begin; k < end; ++k) seen.add(all[k]);
  return seen;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  BOOST_TEST(sum_of(0) == "");
  BOOST_TEST(sum_of(1) == "0");
  BOOST_TEST(sum_of(2) == "(0+1)");
  BOOST_TEST(sum_of(3) == "((0+1)+2)");
  BOOST_TEST(sum_of(4) == "((0+1)+(2+3))");
  BOOST_TEST(sum_of(7) == "(((0+1)+(2+3))+((4+5)+6))");
}

BOOST_AUTO_TEST_CASE(any_division_has_the_same_bits) {
  const std::size_t count = 13;
  const auto all = sequences(count);
  const auto whole = part<column_norm>(all, 0, count);
  const auto products = part<gram>(all, 0, count);
  BOOST_TEST(whole.tokens() == whole.total().tokens());
  BOOST_TEST(whole.total().count() == count);
  for (std::size_t a = 0; a <= count; ++a)
    for (std::size_t b = a; b <= count; ++b) {
      auto first = part<column_norm>(all, 0, a);
      first.combine(part<column_norm>(all, a, b)).combine(part<column_norm>(all, b, count));
      BOOST_TEST((first == whole));
      // The neighbour may also come before.
      auto last = part<gram>(all, b, count);
      last.combine(part<gram>(all, a, b)).combine(part<gram>(all, 0, a));
      BOOST_TEST((last.total() == products.total()));
    }
}

BOOST_AUTO_TEST_CASE(is_the_statistic_up_to_rounding) {
  const auto all = sequences(9);
  column_norm plain;
  for (const auto& x : all) plain.add(x);
  const auto total = part<column_norm>(all, 0, 9).total();
  BOOST_TEST(total.count() == plain.count());
  BOOST_TEST(total.tokens() == plain.tokens());
  for (std::size_t j = 0; j < 5; ++j)
    BOOST_TEST(total.values()[j] == plain.values()[j], boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(a_sequence_that_shows_nothing_keeps_its_number) {
  const auto all = sequences(4);
  pairwise<column_norm> seen;
  seen.add(all[0]).skip().add(all[2]).add(all[3]);
  pairwise<column_norm> first, second({}, 2);
  first.add(all[0]).skip();
  second.add(all[2]).add(all[3]);
  BOOST_TEST(seen.end() == 4u);
  BOOST_TEST((first.combine(second) == seen));
  BOOST_TEST(seen.total().count() == 3u);
}

BOOST_AUTO_TEST_CASE(two_hidden_states_make_a_sequence) {
  const matrix<float> before{{1, 0}}, turned{{0, 1}}, same{{2, 0}};
  pairwise<hidden_change> seen;
  seen.add(before, turned).add(before, same);
  BOOST_TEST(seen.total().influence() == 0.5);
}

BOOST_AUTO_TEST_CASE(of_nothing) {
  pairwise<column_norm> seen, other({}, 5);
  BOOST_TEST((seen.total() == column_norm{}));
  BOOST_TEST((other.total() == column_norm{}));
  BOOST_TEST(seen.combine(other).end() == 0u);
  const auto all = sequences(3);
  BOOST_TEST((seen.combine(part<column_norm>(all, 0, 3)) == part<column_norm>(all, 0, 3)));
}

BOOST_AUTO_TEST_CASE(survives_files) {
  const auto all = sequences(7);
  const auto seen = part<column_norm>(all, 2, 7);
  std::vector<std::uint64_t> words;
  std::vector<std::vector<double>> numbers;
  std::vector<std::string> names;
  const auto write = [&](std::string_view name, const auto& value) {
    names.emplace_back(name);
    if constexpr (requires { value.begin(); })
      numbers.push_back(value);
    else
      words.push_back(value);
  };
  pairwise<column_norm>::fields(seen, write);
  // [2, 4), [4, 6) and [6, 7) are the ranges of [2, 7), since [4, 8) is not complete.
  BOOST_TEST(numbers.size() == 3u);
  BOOST_TEST(names[0] == "first");
  BOOST_TEST(names[2] == "0.sum_of_squares");
  pairwise<column_norm> loaded;
  std::size_t word = 0, number = 0;
  const auto read = [&](std::string_view, auto& value) {
    if constexpr (requires { value.begin(); })
      value = numbers[number++];
    else
      value = words[word++];
  };
  pairwise<column_norm>::fields(loaded, read);
  loaded.validate();
  BOOST_TEST((loaded == seen));
}

BOOST_AUTO_TEST_CASE(fields_that_are_only_looked_at_stay) {
  auto seen = part<column_norm>(sequences(7), 2, 7);
  const auto before = seen;
  pairwise<column_norm>::fields(seen, [](std::string_view, auto&) {});
  BOOST_TEST((seen == before));
  // Other numbers of sequences make other ranges.
  pairwise<column_norm>::fields(seen, [](std::string_view name, auto& value) {
    if constexpr (!requires { value.begin(); })
      if (name == "first") value = 5;
  });
  BOOST_TEST(seen.first() == 5u);
  seen.validate();
  BOOST_TEST(seen.combine(part<column_norm>(sequences(5), 0, 5)).end() == 7u);
}

BOOST_AUTO_TEST_CASE(rejections_leave_it_unchanged) {
  const auto all = sequences(8);
  auto seen = part<column_norm>(all, 0, 3);
  const auto before = seen;
  support::check_error<tamp::value_error>(
      "pairwise column_norm: sequences 0 to 3 and 4 to 8 are no neighbours",
      [&] { seen.combine(part<column_norm>(all, 4, 8)); });
  support::check_error<tamp::shape_error>(
      "column_norm: the statistics to combine cover 5 features, the statistics cover 2",
      [&] { seen.add(matrix<float>{{1, 2}}); });
  support::check_error<tamp::value_error>(
      "column_norm: the activation of token 0, feature 1 is nan",
      [&] { seen.add(matrix<float>{{1, support::not_a_number, 1, 1, 1}}); });
  BOOST_TEST((seen == before));
  support::check_error<tamp::value_error>(
      "pairwise column_norm: sequences 0 to 4 are missing",
      [&] { static_cast<void>(part<column_norm>(all, 4, 8).total()); });
  const auto largest = static_cast<std::uint64_t>(-1);
  pairwise<column_norm> last({}, largest);
  support::check_error<tamp::value_error>(
      "pairwise: 18446744073709551615 and 1 together are too large to be counted",
      [&] { last.add(all[0]); });
}

BOOST_AUTO_TEST_CASE(numbers_of_a_hostile_file_are_refused) {
  pairwise<column_norm> loaded;
  std::uint64_t number = 9;
  const auto read = [&](std::string_view name, auto& value) {
    if constexpr (!requires { value.begin(); })
      value = name == "first" || name == "end" ? number-- : 0;
  };
  pairwise<column_norm>::fields(loaded, read);
  support::check_error<tamp::value_error>(
      "pairwise column_norm: sequences 9 to 8 cannot have been added", [&] { loaded.validate(); });
}

BOOST_AUTO_TEST_SUITE_END()
