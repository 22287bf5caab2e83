#include <tamp/model/with_weights.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <tamp/allocate/uniform.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/prune/calibrate.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/prune_model.hpp>
#include <tamp/score/wanda.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/given_weights.hpp>
#include <tamp/stat/weighted.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/model.hpp"

BOOST_AUTO_TEST_SUITE(model_with_weights)

using support::check_error;
using support::mlp;
using support::open_mlp;
using tamp::observable;
using tamp::token_weights;
using tamp::with_weights;
using tamp::stat::column_norm;
using tamp::stat::given_weights;
using given_norm = tamp::stat::weighted<column_norm, given_weights>;

namespace {

// Weights of every token of the host's samples in every block: 1 plus `step` for each block.
token_weights rising(const mlp& host, double step) {
  token_weights weights(host.blocks());
  for (const auto& x : host.samples) {
    std::vector<std::vector<double>> of_blocks;
    for (std::size_t b = 0; b < host.blocks(); ++b)
      of_blocks.emplace_back(x.rows(), 1 + step * double(b));
    weights.add(of_blocks);
  }
  weights.finish();
  return weights;
}

// A host that finds out what it shows when it is asked.
struct asked : open_mlp {
  using open_mlp::open_mlp;
  observable shows() const { return observable::input | observable::output; }
};

// A host that gives weights of its own, and makes lists in the calls of the observer.
struct giving : mlp {
  using mlp::mlp;
  static constexpr observable shows =
      observable::input | observable::modality | observable::last_query | observable::weights;
  void observe_block(std::size_t block, auto& observer) {
    for (const auto& x : samples) {
      const std::vector<double> own(x.rows(), 0.5);
      const std::vector<float> looks(x.rows(), 1);
      observer.modality({});
      observer.attention({looks.data(), looks.size()});
      observer.weights({own.data(), own.size()});
      observer.input(0, x, {});
      observer.input(1, weights[block].hidden(x));
    }
  }
  void rewind() {}
};

const auto recipe = tamp::compose(tamp::score::wanda{}, given_weights{}, tamp::pattern::per_row{},
                                  tamp::allocate::uniform{0.5});

}  // namespace

BOOST_AUTO_TEST_CASE(each_sample_has_its_weights_in_each_block) {
  open_mlp host(3, 4, 6, 1);
  const token_weights weights = rising(host, 0.5);
  auto weighed = with_weights(host, weights);
  tamp::calibration<given_norm, column_norm> seen;
  BOOST_TEST(tamp::calibrate(weighed, seen));
  for (std::size_t block = 0; block < 3; ++block)
    for (std::size_t layer = 2 * block; layer < 2 * block + 2; ++layer) {
      const auto by = seen.of<given_norm>(layer).sum_of_squares(),
                 plain = seen.of<column_norm>(layer).sum_of_squares();
      for (std::size_t j = 0; j < plain.size(); ++j)
        BOOST_TEST(std::abs(by[j] - (1 + 0.5 * double(block)) * plain[j]) <= 1e-12 * plain[j]);
    }
}

BOOST_AUTO_TEST_CASE(a_weight_of_1_for_all_prunes_to_the_same_bits) {
  open_mlp one(3, 4, 6, 1), two(3, 4, 6, 1);
  const token_weights weights = rising(one, 0);
  auto weighed = with_weights(one, weights);
  tamp::prune_model(weighed, recipe);
  tamp::prune_model(two, tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{},
                                       tamp::allocate::uniform{0.5}));
  BOOST_TEST((one.weights == two.weights));
}

BOOST_AUTO_TEST_CASE(hosts_that_show_inputs_alone_are_weighed_too) {
  mlp host(2, 4, 6, 1);
  const token_weights weights = rising(host, 1);
  auto weighed = with_weights(host, weights);
  static_assert(decltype(weighed)::shows == (observable::input | observable::weights));
  static_assert(!tamp::rewindable_model<decltype(weighed)>);
  const auto report = tamp::prune_model(weighed, recipe);
  BOOST_TEST(report.layers.size() == 4u);
}

BOOST_AUTO_TEST_CASE(it_shows_what_the_host_shows) {
  open_mlp host(2, 4, 6, 1);
  const token_weights weights = rising(host, 1);
  static_assert(decltype(with_weights(host, weights))::shows ==
                (open_mlp::shows | observable::weights));
  asked other(2, 4, 6, 1);
  auto weighed = with_weights(other, weights);
  BOOST_TEST((weighed.shows() == (observable::input | observable::output | observable::weights)));
  tamp::calibration<given_norm> seen;
  tamp::calibrate(weighed, seen);
  BOOST_TEST(seen.of<given_norm>(0).count() == 3u);
}

BOOST_AUTO_TEST_CASE(it_replaces_the_weights_that_the_host_gives) {
  giving host(1, 4, 6, 1);
  const token_weights weights = rising(host, 0);
  auto weighed = with_weights(host, weights);
  tamp::calibration<given_norm> own, replaced;
  tamp::calibrate(host, own);
  tamp::calibrate(weighed, replaced);
  for (std::size_t j = 0; j < 4; ++j)
    BOOST_TEST(replaced.of<given_norm>(0).sum_of_squares()[j] ==
               2 * own.of<given_norm>(0).sum_of_squares()[j]);
}

BOOST_AUTO_TEST_CASE(other_weights_make_another_calibration_set) {
  open_mlp host(2, 4, 6, 1);
  const token_weights one = rising(host, 1), two = rising(host, 2);
  BOOST_TEST(with_weights(host, one).fingerprint() != with_weights(host, two).fingerprint());
  BOOST_TEST(with_weights(host, one).fingerprint() == with_weights(host, one).fingerprint());
}

BOOST_AUTO_TEST_CASE(weights_of_other_samples_are_refused) {
  open_mlp host(2, 4, 6, 1);
  const token_weights right = rising(host, 1);
  check_error<tamp::shape_error>(
      "with_weights: the model has 2 blocks, and there are weights for 3", [&] {
        const token_weights other(3);
        static_cast<void>(with_weights(host, other));
      });
  const auto calibrated = [&](const token_weights& weights) {
    auto weighed = with_weights(host, weights);
    tamp::calibration<given_norm> seen;
    tamp::calibrate(weighed, seen);
  };
  calibrated(right);
  check_error<tamp::shape_error>(
      "token_weights: there are weights of 2 samples in 2 blocks, and none of sample 2 in block 0",
      [&] { calibrated(right.part(0, 2)); });
  check_error<tamp::shape_error>(
      "column_norm by given weights: the weights cover 6 tokens, the input has 5",
      [&] { calibrated(right.part(1, 2)); });
  token_weights more = right;
  more.combine(right);
  check_error<tamp::shape_error>(
      "with_weights: the host has 3 samples in block 0, and there are weights of 6",
      [&] { calibrated(more); });
}

BOOST_AUTO_TEST_SUITE_END()
