#include <tamp/io/layer_statistics.hpp>

#include <tamp/io/norms_file.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/gram.hpp>
#include <tamp/stat/hidden_change.hpp>
#include <tamp/stat/joint.hpp>
#include <tamp/stat/pairwise.hpp>
#include <tamp/stat/sequence_moments.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <filesystem>
#include <string>

#include "../support/errors.hpp"
#include "../support/model.hpp"
#include "files.hpp"

BOOST_AUTO_TEST_SUITE(io_layer_statistics)

using support::check_error;
using support::open_mlp;
using support::temporary_folder;
using tamp::calibration;
using tamp::file_error;
using tamp::io::layer_statistics;
using tamp::stat::column_norm;
using tamp::stat::gram;
using tamp::stat::hidden_change;
using tamp::stat::joint;
using tamp::stat::pairwise;
using tamp::stat::sequence_moments;

namespace {

template <class... Statistics, class Host>
calibration<Statistics...> calibrated(Host& host) {
  calibration<Statistics...> seen;
  tamp::calibrate(host, seen);
  return seen;
}

// Both layers of a block see the same input.
struct shared_input : open_mlp {
  using open_mlp::open_mlp;
  std::size_t input_of(std::size_t, std::size_t) const { return 0; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // One sample of two tokens, (3, 0) and (4, 1), at both layers of the only block.
  auto host = shared_input(1, 2, 2, 1);
  host.samples = {{{3, 0}, {4, 1}}};
  const temporary_folder folder;
  const auto path = folder / "seen.safetensors";
  calibration<gram> seen;
  seen.prepare(tamp::execute::standard{}, host);
  seen.observe_next(tamp::execute::standard{}, host);
  tamp::io::save(path, seen);
  layer_statistics<gram> read(path);
  BOOST_TEST(read.layers() == 2u);
  BOOST_TEST(read.name(1) == "0.down");
  BOOST_TEST(read.input_of(1) == 0u);
  BOOST_TEST(!read.find("0.gate"));
  const gram found = read.of(read.find("0.down").value());
  BOOST_TEST(found.tokens() == 2u);
  BOOST_TEST(found.matrix()(0, 0) == 25.0);
  BOOST_TEST(found.matrix()(0, 1) == 4.0);
  BOOST_TEST(found.matrix()(1, 1) == 1.0);
}

BOOST_AUTO_TEST_CASE(the_statistic_may_stand_alone_in_parts_or_beside_others) {
  const temporary_folder folder;
  const auto path = folder / "seen.safetensors";
  open_mlp host(2, 4, 6, 1);
  const auto alone = calibrated<gram>(host);
  const auto check = [&](const auto& seen, const auto& expected) {
    tamp::io::save(path, seen);
    layer_statistics<gram> read(path);
    BOOST_REQUIRE(read.layers() == 4u);
    for (std::size_t k = 0; k < 4; ++k) BOOST_TEST((read.of(k) == expected.template of<gram>(k)));
  };
  check(alone, alone);
  check(calibrated<hidden_change, gram>(host), alone);
  const auto both = calibrated<joint<column_norm, gram>>(host);
  tamp::io::save(path, both);
  layer_statistics<gram> of_grams(path);
  layer_statistics<column_norm> of_norms(path);
  for (std::size_t k = 0; k < 4; ++k) {
    const auto& seen = both.of<joint<column_norm, gram>>(k);
    BOOST_TEST((of_grams.of(k) == seen.of<gram>()));
    BOOST_TEST((of_norms.of(k) == seen.of<column_norm>()));
  }
  const auto parts = calibrated<pairwise<gram>>(host);
  check(parts, parts.totals());
}

BOOST_AUTO_TEST_CASE(diagonals_are_norms) {
  const temporary_folder folder;
  const auto path = folder / "seen.safetensors";
  open_mlp host(2, 4, 6, 1);
  tamp::io::save(path, calibrated<column_norm>(host));
  const auto norms = tamp::io::read_norms(path);
  tamp::io::save(path, calibrated<gram>(host));
  const auto diagonals = tamp::io::read_norms(path);
  BOOST_TEST(diagonals.size() == 4u);
  for (const auto& [name, of_layer] : norms) {
    BOOST_TEST((diagonals.at(name).tokens == of_layer.tokens));
    for (std::size_t j = 0; j < of_layer.columns; ++j)
      BOOST_TEST(diagonals.at(name).values[j] == of_layer.values[j],
                 boost::test_tools::tolerance(1e-6f));
  }
}

BOOST_AUTO_TEST_CASE(files_without_the_statistic_are_refused) {
  const temporary_folder folder;
  const auto path = folder / "seen.safetensors";
  open_mlp host(2, 4, 6, 1);
  tamp::io::save(path, calibrated<joint<column_norm, sequence_moments>>(host));
  check_error<file_error>(
      path.string() + ": holds the statistics column_norm and sequence_moments, and no gram",
      [&] { layer_statistics<gram>{path}; });
  BOOST_CHECK_NO_THROW(layer_statistics<sequence_moments>{path});
  calibration<gram> begun;
  tamp::calibrate(host, begun, [](const tamp::progress& p) { return p.block == 0; });
  tamp::io::save(path, begun);
  check_error<file_error>(path.string() + ": has seen 1 of 2 blocks: calibrate to the end first",
                          [&] { layer_statistics<gram>{path}; });
}

BOOST_AUTO_TEST_SUITE_END()
