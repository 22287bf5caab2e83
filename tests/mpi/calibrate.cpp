#include <tamp/mpi/calibrate.hpp>

#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/column_variance.hpp>
#include <tamp/stat/hidden_change.hpp>
#include <tamp/stat/pairwise.hpp>
#include <tamp/stat/reach.hpp>
#include <tamp/stat/weighted.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "../support/mixing_model.hpp"
#include "../support/model.hpp"
#include "support.hpp"

BOOST_AUTO_TEST_SUITE(mpi_calibrate)

using support::check_error_on_all;
using support::host_of;
using support::model_with_samples;
using support::numbers_of;
using tamp::calibration;
using tamp::mpi::ranks;
using tamp::stat::column_norm;
using tamp::stat::hidden_change;
using tamp::stat::pairwise;

namespace {

using both = calibration<column_norm, hidden_change>;

both by_ranks(MPI_Comm comm, std::size_t samples) {
  const ranks where(comm, samples);
  auto host = host_of(where, samples);
  both seen;
  BOOST_TEST(tamp::calibrate(where, host, seen));
  return seen;
}

}  // namespace

BOOST_AUTO_TEST_CASE(all_ranks_get_the_bits_of_one) {
  for (const std::size_t samples : {1u, 3u, 8u, 13u}) {
    const both together = by_ranks(MPI_COMM_WORLD, samples),
               alone = by_ranks(MPI_COMM_SELF, samples);
    BOOST_TEST(together.complete());
    BOOST_TEST(numbers_of(together) == numbers_of(alone));
    BOOST_TEST(together.model() == alone.model());
    BOOST_TEST(together.of<column_norm>(5).count() == samples);
  }
}

BOOST_AUTO_TEST_CASE(they_are_pairwise_sums_of_the_samples) {
  auto host = model_with_samples(13);
  calibration<pairwise<column_norm>, pairwise<hidden_change>> parts;
  tamp::calibrate(host, parts);
  BOOST_TEST(numbers_of(by_ranks(MPI_COMM_WORLD, 13)) == numbers_of(parts.totals()));
}

BOOST_AUTO_TEST_CASE(means_and_variances_have_the_bits_of_one) {
  const auto seen_by = [](MPI_Comm comm) {
    const ranks where(comm, 13);
    auto host = host_of(where, 13);
    calibration<tamp::stat::column_variance> seen;
    tamp::calibrate(where, host, seen);
    return seen;
  };
  const auto together = seen_by(MPI_COMM_WORLD);
  BOOST_TEST(numbers_of(together) == numbers_of(seen_by(MPI_COMM_SELF)));
  BOOST_TEST(together.of<tamp::stat::column_variance>(5).variances()[0] > 0);
}

BOOST_AUTO_TEST_CASE(one_that_was_stopped_on_any_rank_goes_on) {
  const ranks where(MPI_COMM_WORLD, 8);
  auto host = host_of(where, 8);
  both seen;
  BOOST_TEST(!tamp::calibrate(where, host, seen, [&](const tamp::progress& p) {
    return where.rank() != where.size() - 1 || p.block != 1;
  }));
  BOOST_TEST(seen.blocks_done() == 1u);
  BOOST_TEST(tamp::calibrate(where, host, seen));
  BOOST_TEST(numbers_of(seen) == numbers_of(by_ranks(MPI_COMM_SELF, 8)));
}

BOOST_AUTO_TEST_CASE(weights_of_tokens_are_measured_by_each_rank_and_known_to_all) {
  using weighed = calibration<tamp::stat::weighted<column_norm, tamp::stat::reach>>;
  const auto calibrated = [](MPI_Comm comm, const tamp::progress_callback& on_progress = {}) {
    const ranks where(comm, 8);
    support::mixing_mlp host(3, 4, 6, 1);
    static_cast<support::open_mlp&>(host) = host_of(where, 8);
    weighed seen;
    const bool done = tamp::calibrate(where, host, seen, on_progress);
    BOOST_TEST(done == !on_progress);
    if (on_progress) BOOST_TEST(tamp::calibrate(where, host, seen));
    return seen;
  };
  const weighed alone = calibrated(MPI_COMM_SELF);
  // The fingerprint of the samples is a sum over ranks.
  const auto check_same = [&](const weighed& together) {
    using norm = tamp::stat::weighted<column_norm, tamp::stat::reach>;
    for (std::size_t k = 0; k < alone.layers(); ++k)
      BOOST_TEST((together.of<norm>(k) == alone.of<norm>(k)));
    BOOST_TEST(together.weights().fingerprint() == alone.weights().fingerprint());
    BOOST_TEST(together.weights().samples() == 8u);
    BOOST_TEST(together.weights().complete());
  };
  check_same(calibrated(MPI_COMM_WORLD));
  check_same(calibrated(MPI_COMM_WORLD, [](const tamp::progress& now) { return now.block != 1; }));
  check_same(calibrated(MPI_COMM_WORLD, [](const tamp::progress&) { return false; }));
}

BOOST_AUTO_TEST_CASE(a_host_without_its_share_is_refused) {
  const ranks where(MPI_COMM_WORLD, 9);  // and the hosts have 8
  const ranks eight(MPI_COMM_WORLD, 8);
  auto host = host_of(eight, 8);
  calibration<column_norm> seen;
  try {
    tamp::calibrate(where, host, seen);
    BOOST_ERROR("nothing was refused");
  } catch (const tamp::error& e) {
    const std::string_view sentence = e.what();
    if (where.size() == 1)
      BOOST_TEST(sentence ==
                 "calibrate: the hosts of all ranks together have shown 8 of 9 samples");
    else
      BOOST_TEST((sentence.find("samples") != sentence.npos ||
                  sentence.find("no neighbours") != sentence.npos));
  }
  BOOST_TEST(seen.blocks_done() == 0u);
}

BOOST_AUTO_TEST_CASE(different_models_are_refused) {
  const ranks where(MPI_COMM_WORLD, 4);
  if (where.size() == 1) return;
  auto host = host_of(where, 4);
  if (where.rank() == 1) host.weights[0].up(0, 0) += 1;
  calibration<column_norm> seen;
  try {
    tamp::calibrate(where, host, seen);
    BOOST_ERROR("nothing was refused");
  } catch (const tamp::value_error& e) {
    const std::string_view sentence = e.what();
    BOOST_TEST(sentence.find("calibrate: the model differs from that of rank 0: ") !=
               sentence.npos);
    BOOST_TEST(sentence.starts_with("rank 1: ") == (where.rank() != 1));
  }
}

BOOST_AUTO_TEST_CASE(calibrations_that_stopped_in_different_places_are_refused) {
  const ranks where(MPI_COMM_WORLD, 4);
  if (where.size() == 1) return;
  auto host = host_of(where, 4);
  calibration<column_norm> whole, half;
  tamp::calibrate(where, host, whole);
  tamp::calibrate(where, host, half, [](const tamp::progress& at) { return at.block == 0; });
  BOOST_TEST((half.blocks_done() == 1u && whole.blocks_done() > 1u));
  try {
    tamp::calibrate(where, host, where.rank() == 0 ? whole : half);
    BOOST_ERROR("nothing was refused");
  } catch (const tamp::value_error& e) {
    BOOST_TEST(std::string_view(e.what()).ends_with(tamp::detail::sentence(
        "the number of blocks done differs from that of rank 0: 1 and ", whole.blocks_done())));
  }
}

BOOST_AUTO_TEST_CASE(a_number_that_is_not_finite_on_one_rank_is_an_error_on_all) {
  const ranks where(MPI_COMM_WORLD, 4);
  auto host = host_of(where, 4);
  const std::size_t last = where.size() - 1;
  if (where.rank() == last) {
    auto samples = host.samples;
    samples.back()(2, 3) = std::numeric_limits<float>::infinity();
    host = host.with_samples(samples);
  }
  calibration<column_norm> seen;
  check_error_on_all<tamp::value_error>(where, last,
                                        "column_norm: the activation of token 2, feature 3 is inf",
                                        [&] { tamp::calibrate(where, host, seen); });
}

BOOST_AUTO_TEST_SUITE_END()
