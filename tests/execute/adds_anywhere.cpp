#include <tamp/execute/adds_anywhere.hpp>

#include <boost/test/unit_test.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tamp/execute/sequential.hpp>
#include <vector>

BOOST_AUTO_TEST_SUITE(execute_adds_anywhere)

namespace {

class sum : public tamp::detail::adds_anywhere<sum> {
 public:
  using tamp::detail::adds_anywhere<sum>::add;

  template <tamp::executor E>
  sum& add(const E&, const std::vector<double>& numbers, std::uint64_t count = 1) {
    for (const double number : numbers) value_ += number * static_cast<double>(count);
    last_was_standard_ = std::same_as<E, tamp::execute::standard>;
    return *this;
  }
  template <tamp::executor E>
  sum& add(const E& exec, const std::vector<double>& numbers, std::span<const double> weights,
           std::uint64_t count = 1) {
    std::vector<double> products = numbers;
    for (std::size_t k = 0; k < products.size(); ++k) products[k] *= weights[k];
    return add(exec, products, count);
  }
  double value() const { return value_; }
  bool last_was_standard() const { return last_was_standard_; }
  friend bool operator==(const sum&, const sum&) = default;

 private:
  double value_ = 0;
  bool last_was_standard_ = false;
};

// A sum of each column, whose number comes first.
class sums : public tamp::detail::adds_anywhere<sums> {
 public:
  using tamp::detail::adds_anywhere<sums>::add;

  template <tamp::executor E>
  sums& add(const E&, std::size_t column, const std::vector<double>& numbers) {
    for (const double number : numbers) values_.at(column) += number;
    return *this;
  }
  double of(std::size_t column) const { return values_.at(column); }

 private:
  std::vector<double> values_{0, 0};
};

template <class T>
concept can_be_added = requires(sum& s, const T& x) { s.add(x); };
template <class Number>
concept can_be_a_column = requires(sums& s, Number column) { s.add(column, std::vector{1.0}); };

}  // namespace

BOOST_AUTO_TEST_CASE(add_runs_on_the_standard_executor_unless_told_otherwise) {
  const std::vector<double> numbers{1, 2};
  sum all;
  BOOST_TEST(all.add(numbers).value() == 3.0);
  BOOST_TEST(all.last_was_standard());
  BOOST_TEST(all.add(tamp::execute::sequential{}, numbers).value() == 6.0);
  BOOST_TEST(!all.last_was_standard());
}

BOOST_AUTO_TEST_CASE(a_count_may_be_any_integer) {
  const std::vector<double> numbers{1, 2};
  BOOST_TEST(sum().add(numbers, 2).value() == 6.0);
  BOOST_TEST(sum().add(numbers, 2u).value() == 6.0);
  BOOST_TEST(sum().add(numbers, std::uint64_t{2}).value() == 6.0);
}

BOOST_AUTO_TEST_CASE(weights_may_have_a_count_behind_them) {
  const std::vector<double> numbers{1, 2}, weights{3, 0.5};
  BOOST_TEST(sum().add(numbers, weights).value() == 4.0);
  BOOST_TEST(sum().add(numbers, weights, 2).value() == 8.0);
  BOOST_TEST(sum().add(numbers, std::span(weights), 2u).value() == 8.0);
  BOOST_TEST(sum().add(tamp::execute::sequential{}, numbers, weights, 2).value() == 8.0);
  BOOST_TEST(sum().add(numbers, weights, 2).last_was_standard());
}

// An int in a forwarding parameter would be converted to an unsigned number in the header, of which
// compilers warn at -Wsign-conversion however small the literal is.
BOOST_AUTO_TEST_CASE(a_number_in_front_is_no_forwarded_argument) {
  const std::vector<double> numbers{1, 2};
  BOOST_TEST(sums().add(tamp::execute::sequential{}, 1, numbers).of(1) == 3.0);
  BOOST_TEST(!can_be_a_column<int>);
  BOOST_TEST(!can_be_a_column<const std::size_t&>);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_added_is_no_argument) {
  BOOST_TEST(can_be_added<std::vector<double>>);
  BOOST_TEST(!can_be_added<char[5]>);
  BOOST_TEST((sum() == sum()));
}

BOOST_AUTO_TEST_SUITE_END()
