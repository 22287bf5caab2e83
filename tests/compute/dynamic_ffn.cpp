#include <tamp/compute/dynamic_ffn.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <set>
#include <tamp/compute/gather.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(compute_dynamic_ffn)

using support::check_error;
using support::matrix;
using tamp::compute::dynamic_ffn;

namespace {

using indices = std::vector<std::size_t>;

constexpr dynamic_ffn all_probed{.keep_ratio = 0.5, .probe_every = 1};

// Channels by sorting all means, as the reference does it.
indices by_sorting(const dynamic_ffn& p, const matrix<float>& hidden) {
  const indices rows = p.probe(hidden.rows());
  std::vector<double> means(hidden.cols());
  for (const std::size_t t : rows)
    for (std::size_t j = 0; j < means.size(); ++j) means[j] += std::abs(double(hidden(t, j)));
  for (double& mean : means) mean /= double(rows.size());
  indices order(means.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return means[a] < means[b] || (means[a] == means[b] && a < b);
  });
  order.erase(order.begin(), order.end() - std::ptrdiff_t(p.kept(order.size())));
  std::sort(order.begin(), order.end());
  return order;
}

matrix<float> probe_rows(const dynamic_ffn& p, const matrix<float>& hidden) {
  const indices rows = p.probe(hidden.rows());
  matrix<float> probe(rows.size(), hidden.cols());
  tamp::compute::gather_rows(hidden, rows, probe);
  return probe;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // Means of |hidden|: 2, 2.5, 0.5, 3.
  const matrix<float> hidden{{4, -2, 1, 3}, {0, 3, 0, -3}};
  BOOST_TEST(tamp::compute::channels(hidden, all_probed) == (indices{1, 3}),
             boost::test_tools::per_element());
  // With one of two probed, the second token says nothing: 4, 2, 1, 3.
  const dynamic_ffn first{.keep_ratio = 0.5, .probe_every = 2};
  BOOST_TEST(tamp::compute::channels(hidden, first) == (indices{0, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_probe_is_evenly_spaced_and_has_both_ends) {
  const auto probe = [](std::size_t tokens, std::size_t every) {
    return dynamic_ffn{.probe_every = every}.probe(tokens);
  };
  const auto per_element = boost::test_tools::per_element();
  BOOST_TEST(probe(0, 10) == indices{}, per_element);
  BOOST_TEST(probe(1, 10) == (indices{0}), per_element);
  BOOST_TEST(probe(19, 10) == (indices{0}), per_element);
  BOOST_TEST(probe(20, 10) == (indices{0, 19}), per_element);
  BOOST_TEST(probe(35, 10) == (indices{0, 17, 34}), per_element);
  BOOST_TEST(probe(45, 10) == (indices{0, 14, 29, 44}), per_element);
  BOOST_TEST(probe(5, 1) == (indices{0, 1, 2, 3, 4}), per_element);
  BOOST_TEST(probe(5, std::numeric_limits<std::size_t>::max()) == (indices{0}), per_element);
}

BOOST_AUTO_TEST_CASE(the_probe_truncates_as_numpy_does) {
  // np.linspace(0, 118, 59)[29] is 58.99999999999999, and so on.
  BOOST_TEST(dynamic_ffn{.probe_every = 2}.probe(119)[29] == 58u);
  BOOST_TEST(dynamic_ffn{.probe_every = 4}.probe(149)[27] == 110u);
  BOOST_TEST(dynamic_ffn{.probe_every = 4}.probe(165)[30] == 122u);
  std::size_t below = 0;
  for (std::size_t tokens = 2; tokens < 1500; ++tokens)
    for (const std::size_t every : {1u, 2u, 3u, 4u, 7u, 10u}) {
      const indices probe = dynamic_ffn{.probe_every = every}.probe(tokens);
      BOOST_REQUIRE(probe.size() == std::max<std::size_t>(1, tokens / every));
      BOOST_REQUIRE(probe.front() == 0u);
      if (probe.size() == 1) continue;
      BOOST_REQUIRE(probe.back() == tokens - 1);
      BOOST_REQUIRE(std::adjacent_find(probe.begin(), probe.end(), std::greater_equal<>()) ==
                    probe.end());
      for (std::size_t k = 0; k < probe.size(); ++k) {
        const std::size_t exact = k * (tokens - 1) / (probe.size() - 1);
        BOOST_REQUIRE((probe[k] == exact || probe[k] + 1 == exact));
        below += probe[k] != exact;
      }
    }
  BOOST_TEST(below != 0u);  // so that integer arithmetic would be found out
}

BOOST_AUTO_TEST_CASE(counts_are_rounded_to_even_and_one_channel_stays) {
  const auto kept = [](double ratio, std::size_t channels) {
    return dynamic_ffn{.keep_ratio = ratio}.kept(channels);
  };
  BOOST_TEST(kept(0.5, 5) == 2u);  // 2.5
  BOOST_TEST(kept(0.5, 7) == 4u);  // 3.5
  BOOST_TEST(kept(0.25, 10) == 2u);
  BOOST_TEST(kept(0.25, 11) == 3u);
  BOOST_TEST(kept(0.25, 9) == 2u);
  BOOST_TEST(kept(0.5, 1) == 1u);  // 0.5 is rounded to 0
  BOOST_TEST(kept(0.0, 8) == 1u);
  BOOST_TEST(kept(1.0, 8) == 8u);
  BOOST_TEST(kept(0.2, 0) == 0u);
  BOOST_TEST(kept(0.2, 11008) == 2202u);
}

BOOST_AUTO_TEST_CASE(among_equals_the_lower_channel_is_dropped) {
  const matrix<float> equal(3, 6, -2.0f);
  BOOST_TEST(tamp::compute::channels(equal, all_probed) == (indices{3, 4, 5}),
             boost::test_tools::per_element());
  for (unsigned seed = 0; seed < 20; ++seed) {
    const matrix<float> ties = support::matrix_of_ties(2, 41, seed);
    const dynamic_ffn p{.keep_ratio = 0.3, .probe_every = 1};
    BOOST_TEST(tamp::compute::channels(ties, p) == by_sorting(p, ties),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(the_probe_alone_gives_the_same) {
  for (const std::size_t tokens : {1u, 9u, 10u, 57u, 320u}) {
    const matrix<float> hidden = support::random_matrix(tokens, 73, unsigned(tokens));
    const dynamic_ffn p{};
    const indices chosen = tamp::compute::channels(hidden, p);
    BOOST_TEST(chosen == by_sorting(p, hidden), boost::test_tools::per_element());
    BOOST_TEST(tamp::compute::channels_of_probe(probe_rows(p, hidden), p) == chosen,
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(tokens_outside_of_the_probe_say_nothing) {
  matrix<float> hidden = support::random_matrix(40, 12, 5);
  const dynamic_ffn p{};
  const indices before = tamp::compute::channels(hidden, p), probe = p.probe(40);
  for (std::size_t t = 0; t < 40; ++t)
    if (std::find(probe.begin(), probe.end(), t) == probe.end())
      for (std::size_t j = 0; j < 12; ++j) hidden(t, j) = support::not_a_number;
  BOOST_TEST(tamp::compute::channels(hidden, p) == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(layout_executor_and_scale_change_nothing) {
  matrix<float> hidden = support::random_matrix(90, 35, 9);
  const dynamic_ffn p{.keep_ratio = 0.4, .probe_every = 7};
  const indices expected = tamp::compute::channels(hidden, p);
  for (const auto& exec : support::every_executor)
    support::in_every_layout(hidden, [&](tamp::matrix_view<float> m) {
      BOOST_TEST(p.channels(exec, m) == expected, boost::test_tools::per_element());
    });
  BOOST_TEST(tamp::compute::channels(support::readable_rows{hidden}, p) == expected,
             boost::test_tools::per_element());
  BOOST_TEST(tamp::compute::channels(support::as<double>(hidden), p) == expected,
             boost::test_tools::per_element());
  for (std::size_t k = 0; k < 90 * 35; ++k) hidden.data()[k] *= -0.25f;
  BOOST_TEST(tamp::compute::channels(hidden, p) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(half_precision_is_read_as_it_is) {
  const matrix<tamp::f16> half = support::as<tamp::f16>(support::random_matrix(50, 30, 2));
  const dynamic_ffn p{};
  BOOST_TEST(tamp::compute::channels(half, p) == by_sorting(p, support::as<float>(half)),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_larger_ratio_keeps_the_same_channels_and_more) {
  const matrix<float> hidden = support::random_matrix(33, 64, 3);
  std::set<std::size_t> smaller;
  for (const double ratio : {0.0, 0.1, 0.2, 0.5, 0.9, 1.0}) {
    const indices kept = tamp::compute::channels(hidden, dynamic_ffn{.keep_ratio = ratio});
    const std::set<std::size_t> larger(kept.begin(), kept.end());
    BOOST_TEST(std::includes(larger.begin(), larger.end(), smaller.begin(), smaller.end()));
    smaller = larger;
  }
  BOOST_TEST(smaller.size() == 64u);
}

BOOST_AUTO_TEST_CASE(no_channels_are_no_channels) {
  BOOST_TEST(tamp::compute::channels(matrix<float>(3, 0), all_probed).empty());
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_is_refused_by_name) {
  for (const float bad : {support::not_a_number, support::infinity, -support::infinity}) {
    matrix<float> hidden(40, 6, 1.0f);
    hidden(13, 4) = bad;  // of the probe 0, 13, 26, 39
    const std::string is = bad != bad ? "nan" : bad > 0 ? "inf" : "-inf";
    check_error<tamp::value_error>("dynamic_ffn: the activation of token 13, channel 4 is " + is,
                                   [&] { tamp::compute::channels(hidden, dynamic_ffn{}); });
    check_error<tamp::value_error>(
        "dynamic_ffn: the activation of probe token 1, channel 4 is " + is, [&] {
          tamp::compute::channels_of_probe(probe_rows(dynamic_ffn{}, hidden), dynamic_ffn{});
        });
    check_error<tamp::value_error>(
        "dynamic_ffn: the activation of token 13, channel 4 is " + is,
        [&] { tamp::compute::channels(support::readable_rows{hidden}, dynamic_ffn{}); });
  }
  const matrix<double> huge(2, 3, 1e308);
  check_error<tamp::value_error>(
      "dynamic_ffn: the activations of channel 0 are too large for their mean to be found",
      [&] { tamp::compute::channels(huge, all_probed); });
}

BOOST_AUTO_TEST_CASE(no_tokens_and_unusable_parameters_are_refused) {
  check_error<tamp::shape_error>("dynamic_ffn: there is no visual token to probe",
                                 [&] { tamp::compute::channels(matrix<float>(0, 3), all_probed); });
  check_error<tamp::shape_error>("dynamic_ffn: there is no visual token to probe", [&] {
    tamp::compute::channels_of_probe(matrix<float>(0, 3), all_probed);
  });
  const matrix<float> hidden(3, 3);
  check_error<tamp::value_error>(
      "dynamic_ffn: the ratio to keep is 0.2 (of 0 to 1), and one token is probed of every 0",
      [&] { dynamic_ffn{.probe_every = 0}.probe(3); });
  for (const double ratio : {-0.1, 1.5, std::numeric_limits<double>::quiet_NaN()})
    check_error<tamp::value_error>(
        tamp::detail::sentence("dynamic_ffn: the ratio to keep is ", ratio,
                               " (of 0 to 1), and one token is probed of every 10"),
        [&] { tamp::compute::channels(hidden, dynamic_ffn{.keep_ratio = ratio}); });
}

BOOST_AUTO_TEST_CASE(it_says_what_it_is) {
  BOOST_TEST(dynamic_ffn{}.label() == "dynamic_ffn 0.2 10");
  BOOST_TEST((dynamic_ffn{} == dynamic_ffn{.keep_ratio = 0.2}));
}

BOOST_AUTO_TEST_CASE(huge_counts_are_kept_or_refused) {
  constexpr auto most = static_cast<std::size_t>(-1);
  BOOST_TEST(dynamic_ffn{1.0}.kept(most) == most);
  check_error<tamp::shape_error>(
      "dynamic_ffn: 18446744073709551615 numbers of 8 bytes are more than memory can hold",
      [&] { (dynamic_ffn{1.0, 1}.probe(most)); });
  BOOST_TEST(tamp::compute::channels(tamp::matrix_view<float>(nullptr, std::size_t{1} << 62, 0),
                                     dynamic_ffn{})
                 .empty());
  check_error<tamp::shape_error>("tensor: 2 x 3 elements lie at a null pointer", [] {
    tamp::compute::channels(tamp::matrix_view<float>(nullptr, 2, 3), dynamic_ffn{});
  });
}

BOOST_AUTO_TEST_SUITE_END()
