#include <tamp/model/fingerprint.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <set>

#include "../support/executors.hpp"
#include "../support/model.hpp"

BOOST_AUTO_TEST_SUITE(model_fingerprint)

using support::as;
using support::matrix;
using tamp::fingerprint;

namespace {

struct renamed : support::mlp {
  using mlp::mlp;
  void visit_layers(std::size_t block, auto&& visit) {
    visit("up", weights[block].up);
    visit("down", weights[block].down);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(equal_things_in_equal_order_are_equal) {
  const auto print = [](auto a, auto b) { return fingerprint().add(a).add(b).value(); };
  BOOST_TEST(print(std::uint64_t{1}, std::uint64_t{2}) ==
             print(std::uint64_t{1}, std::uint64_t{2}));
  BOOST_TEST(print(std::uint64_t{1}, std::uint64_t{2}) !=
             print(std::uint64_t{2}, std::uint64_t{1}));
  BOOST_TEST(print("ab", "c") == print("ab", "c"));
  BOOST_TEST(print("ab", "c") != print("a", "bc"));
  BOOST_TEST(print("", "abc") != print("abc", ""));
  BOOST_TEST(fingerprint().value() != fingerprint().add("").value());
}

BOOST_AUTO_TEST_CASE(layout_element_type_and_threads_make_no_difference) {
  const auto numbers = as<tamp::bf16>(support::random_matrix(7, 13, 1));
  const std::uint64_t expected = fingerprint().add(numbers).value();
  BOOST_TEST(fingerprint().add(as<float>(numbers)).value() == expected);
  BOOST_TEST(fingerprint().add(as<double>(numbers)).value() == expected);
  BOOST_TEST(fingerprint().add(support::readable_rows{as<float>(numbers)}).value() == expected);
  for (const auto& exec : support::every_executor)
    BOOST_TEST(fingerprint().add(exec, numbers).value() == expected, exec);
  support::in_every_layout(as<float>(numbers), [&](const auto& m) {
    BOOST_TEST(fingerprint().add(m).value() == expected);
  });
}

BOOST_AUTO_TEST_CASE(shape_and_every_number_make_a_difference) {
  std::set<std::uint64_t> prints;
  prints.insert(fingerprint().add(matrix<float>(6, 4)).value());
  prints.insert(fingerprint().add(matrix<float>(4, 6)).value());
  prints.insert(fingerprint().add(matrix<float>(0, 4)).value());
  prints.insert(fingerprint().add(matrix<float>(4, 0)).value());
  for (std::size_t k = 0; k < 24; ++k) {
    matrix<float> m(6, 4);
    m.data()[k] = 1;
    prints.insert(fingerprint().add(m).value());
    m.data()[k] = -0.0f;
    prints.insert(fingerprint().add(m).value());
  }
  BOOST_TEST(prints.size() == 4u + 48u);
}

BOOST_AUTO_TEST_CASE(a_model_is_told_by_names_shapes_and_weights) {
  const tamp::execute::standard exec;
  support::mlp host(2, 4, 6, 1), other(2, 4, 6, 1);
  renamed by_other_names(2, 4, 6, 1);
  const std::uint64_t expected = tamp::detail::model_fingerprint(exec, host);
  BOOST_TEST(tamp::detail::model_fingerprint(exec, other) == expected);
  BOOST_TEST(tamp::detail::model_fingerprint(support::any_executor{3}, host) == expected);
  BOOST_TEST(tamp::detail::model_fingerprint(exec, by_other_names) != expected);
  other.weights[1].down(3, 5) += 1e-3f;
  BOOST_TEST(tamp::detail::model_fingerprint(exec, other) != expected);
}

BOOST_AUTO_TEST_CASE(samples_are_told_by_the_host_or_not_at_all) {
  support::open_mlp host(1, 4, 6, 1);
  BOOST_TEST(tamp::detail::samples_fingerprint(host) == host.fingerprint());
  BOOST_TEST(tamp::detail::samples_fingerprint(support::mlp(1, 4, 6, 1)) == 0u);
  BOOST_TEST(host.with_samples({host.samples[1]}).fingerprint() != host.fingerprint());
}

BOOST_AUTO_TEST_CASE(files_and_sentences_show_16_digits) {
  BOOST_TEST(tamp::detail::hexadecimal(0) == "0000000000000000");
  BOOST_TEST(tamp::detail::hexadecimal(0x00f3a1) == "000000000000f3a1");
  BOOST_TEST(tamp::detail::hexadecimal(~std::uint64_t{0}) == "ffffffffffffffff");
}

BOOST_AUTO_TEST_SUITE_END()
