#include "support.hpp"

#include <limits>
#include <string>
#include <tamp/cuda/dynamic_ffn.cuh>
#include <vector>

#include "../support/errors.hpp"
#include "golden.hpp"

BOOST_AUTO_TEST_SUITE(cuda_dynamic_ffn)

namespace {

using support::matrix, support::device_matrix, support::check_error;
using tamp::compute::dynamic_ffn;
const auto on = tamp::on(nullptr);
using list = std::vector<std::size_t>;

template <class T>
void check_equal(const dynamic_ffn& policy, const matrix<T>& hidden) {
  const auto r = static_cast<std::ptrdiff_t>(hidden.rows());
  const auto c = static_cast<std::ptrdiff_t>(hidden.cols());
  const device_matrix<T> rows(hidden, c + 3, 1), columns(hidden, 1, r + 1);
  for (const auto* m : {&rows, &columns}) {
    BOOST_TEST(tamp::compute::channels(on, m->view(), policy).to_host(on) ==
                   tamp::compute::channels(hidden, policy),
               boost::test_tools::per_element());
    BOOST_TEST(tamp::compute::channels_of_probe(on, m->view(), policy).to_host(on) ==
                   tamp::compute::channels_of_probe(hidden, policy),
               boost::test_tools::per_element());
  }
}

void check_refused(std::string_view sentence, const matrix<double>& hidden,
                   const dynamic_ffn& policy = {0.5, 2}) {
  const device_matrix<double> there(hidden);
  const auto found = tamp::compute::channels(on, there.view(), policy);
  check_error<tamp::value_error>(sentence, [&] { found.to_host(on); });
  check_error<tamp::value_error>(sentence, [&] { tamp::compute::channels(hidden, policy); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand_the_channels_of_highest_mean_size) {
  // The probe is tokens 0 and 3; sums of sizes 2, 5, 3, 3.
  const device_matrix<float> hidden(
      {{1, -4, 0, 1}, {99, 99, 99, 99}, {99, 99, 99, 99}, {-1, 1, 3, -2}});
  const auto kept = [&](double ratio) {
    return tamp::compute::channels(on, hidden.view(), dynamic_ffn{ratio, 2}).to_host(on);
  };
  BOOST_TEST(kept(0.25) == (list{1}), boost::test_tools::per_element());
  BOOST_TEST(kept(0.5) == (list{1, 3}), boost::test_tools::per_element());  // of 2 and 3
  BOOST_TEST(kept(0.75) == (list{1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(kept(1) == (list{0, 1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(kept(0) == (list{1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(equals_the_cpu_in_every_type_and_layout) {
  const auto check = [&]<class T>(T) {
    unsigned seed = 0;
    for (const auto& [tokens, channels] : {std::pair{1, 1}, {9, 7}, {21, 130}, {40, 64}})
      for (const double ratio : {0.0, 0.2, 0.5, 1.0})
        for (const std::size_t every : {1u, 4u, 10u}) {
          if (!support::is_run_here(++seed, 5)) continue;
          const auto rows = static_cast<std::size_t>(tokens);
          const auto cols = static_cast<std::size_t>(channels);
          check_equal({ratio, every},
                      support::as<T>(seed % 2 == 0 ? support::random_matrix(rows, cols, seed)
                                                   : support::matrix_of_ties(rows, cols, seed)));
        }
  };
  check(float{});
  check(double{});
  check(tamp::f16{});
  check(__nv_bfloat16{});
}

BOOST_AUTO_TEST_CASE(a_wide_layer_of_many_ties) {
  check_equal({0.37, 3}, support::matrix_of_ties(6, 9001, 3));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_used_is_named) {
  matrix<double> hidden(6, 4, 1.0);
  hidden(2, 3) = support::infinity;  // not of the probe 0, 2, 5 ... but of this one
  hidden(5, 3) = support::not_a_number;
  check_refused("dynamic_ffn: the activation of token 2, channel 3 is inf", hidden);
  hidden(5, 1) = -support::infinity;
  check_refused("dynamic_ffn: the activation of token 5, channel 1 is -inf", hidden);
  hidden(0, 1) = hidden(2, 1) = hidden(5, 1) = std::numeric_limits<double>::max();
  check_refused(
      "dynamic_ffn: the activations of channel 1 are too large for their mean to be found", hidden);
  // Rows that the probe does not touch may be anything.
  matrix<double> odd(6, 4, 1.0);
  odd(1, 1) = support::not_a_number;
  check_equal({0.5, 2}, support::as<float>(support::random_matrix(6, 4, 1)));
  const device_matrix<double> there(odd);
  BOOST_TEST(tamp::compute::channels(on, there.view(), dynamic_ffn{0.5, 2}).to_host(on).size() ==
             2u);
  const device_matrix<double> probe(hidden);
  check_error<tamp::value_error>(
      "dynamic_ffn: the activations of channel 1 are too large for their mean to be found",
      [&] { tamp::compute::channels_of_probe(on, probe.view(), dynamic_ffn{}).to_host(on); });
}

BOOST_AUTO_TEST_CASE(no_token_and_bad_parameters_are_refused) {
  const device_matrix<float> none(matrix<float>(0, 4)), some(matrix<float>(2, 4));
  check_error<tamp::shape_error>("dynamic_ffn: there is no visual token to probe",
                                 [&] { tamp::compute::channels(on, none.view(), dynamic_ffn{}); });
  check_error<tamp::value_error>(
      "dynamic_ffn: the ratio to keep is 2 (of 0 to 1), and one token is probed of every 10",
      [&] { tamp::compute::channels_of_probe(on, some.view(), dynamic_ffn{2}); });
}

BOOST_AUTO_TEST_CASE(golden_vectors) {
  const support::golden_file file("redundancy_lens");
  const device_matrix<float> hidden(file.matrix_of("in.hidden"));
  for (const auto& [ratio, every] : {std::pair{"0.2", 10}, {"0.5", 4}}) {
    const dynamic_ffn policy{std::stod(ratio), static_cast<std::size_t>(every)};
    BOOST_TEST(tamp::compute::channels(on, hidden.view(), policy).to_host(on) ==
                   file.values<std::size_t>(std::string("out.channels.") + ratio),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(channels_take_what_bytes_needed_says) {
  const device_matrix<float> hidden(support::random_matrix(20, 300, 1));
  support::check_bytes_needed([&](const tamp::cuda::on_stream& given) {
    tamp::compute::channels(given, hidden.view(), dynamic_ffn{0.5, 3});
  });
}

BOOST_AUTO_TEST_SUITE_END()
