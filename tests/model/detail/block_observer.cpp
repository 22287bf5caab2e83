#include <tamp/model/detail/block_observer.hpp>

#include <tamp/prune/calibrate.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <vector>

#include "../../support/errors.hpp"
#include "../../support/model.hpp"
#include "../../support/recording.hpp"

BOOST_AUTO_TEST_SUITE(model_detail_block_observer)

using support::matrix;
using support::open_mlp;
using support::recording;
using tamp::calibration;
using tamp::observable;

namespace {

using inputs = recording<observable::input>;
using outputs = recording<observable::output | observable::last_query | observable::modality>;
using stream = recording<observable::hidden>;

// Layer 2 of block 1 is an expert that some tokens of each sample are sent to.
struct host_with_expert : open_mlp {
  using open_mlp::open_mlp;
  matrix<float> expert = support::random_matrix(3, 4, 77);
  std::vector<std::vector<std::size_t>> sent = {{4, 1}, {}, {3}};

  void visit_layers(std::size_t block, auto&& visit) {
    open_mlp::visit_layers(block, visit);
    if (block == 1) visit("1.expert", expert);
  }
  matrix<float> tokens_sent(std::size_t sample) const {
    matrix<float> x(sent[sample].size(), 4);
    for (std::size_t t = 0; t < x.rows(); ++t)
      for (std::size_t j = 0; j < 4; ++j)
        x(t, j) = samples[sample](sent[sample][t] % samples[sample].rows(), j);
    return x;
  }
  void observe_block(std::size_t block, auto& observer) {
    if (block == 0) return open_mlp::observe_block(block, observer);
    for (std::size_t s = 0; s < samples.size(); ++s) {
      const auto modality = kinds(samples[s]);
      const auto attention = last_query(samples[s]);
      observer.modality(modality);
      observer.attention(attention);
      const auto x = tokens_sent(s);
      observer.linear(2, x, support::linear(x, expert), sent[s]);
    }
  }
};

// Both layers of a block see the same, and say so, or not.
template <bool Says>
struct host_with_shared_input : open_mlp {
  using open_mlp::open_mlp;
  void observe_block(std::size_t block, auto& observer) {
    for (const auto& x : samples) {
      observer.linear(0, x, support::linear(x, weights[block].up));
      observer.linear(1, x, support::linear(x, weights[block].up));
      observer.hidden(x, weights[block].output(x));
    }
  }
  static std::size_t input_of(std::size_t, std::size_t)
    requires Says
  {
    return 0;
  }
};

// A host that calls what it likes.
struct host_that_calls : open_mlp {
  using open_mlp::open_mlp;
  std::size_t layer = 0;
  void observe_block(std::size_t, auto& observer) {
    observer.linear(layer, samples[0], samples[0]);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_statistic_is_fed_with_what_it_reads) {
  open_mlp host(2, 4, 6, 1);
  const auto first = host.samples;
  calibration<inputs, outputs, stream> seen;
  BOOST_TEST(tamp::calibrate(host, seen));
  BOOST_REQUIRE(seen.layers() == 4u);
  const auto& block = host.weights[0];
  BOOST_REQUIRE(seen.of<inputs>(0).samples.size() == 3u);
  BOOST_REQUIRE(seen.of<outputs>(1).samples.size() == 3u);
  BOOST_REQUIRE(seen.of<stream>(0).samples.size() == 3u);
  for (std::size_t s = 0; s < 3; ++s) {
    const auto& x = first[s];
    BOOST_TEST((seen.of<inputs>(0).samples[s].first == x));
    BOOST_TEST((seen.of<inputs>(1).samples[s].first == block.hidden(x)));
    const auto& up = seen.of<outputs>(0).samples[s];
    BOOST_TEST((up.first == x));
    BOOST_TEST((up.second == support::linear(x, block.up)));
    BOOST_TEST((up.modality == open_mlp::kinds(x)));
    BOOST_TEST((up.attention == open_mlp::last_query(x)));
    const auto& down = seen.of<outputs>(1).samples[s];
    BOOST_TEST((down.first == block.hidden(x)));
    BOOST_TEST((down.second == support::linear(block.hidden(x), block.down)));
    BOOST_TEST((down.modality == open_mlp::kinds(x)));
    BOOST_TEST((seen.of<stream>(0).samples[s].first == x));
    BOOST_TEST((seen.of<stream>(0).samples[s].second == block.output(x)));
    // The residual stream is the block's, and all its layers share it.
    BOOST_TEST((seen.of<stream>(2).samples[s].first == block.output(x)));
  }
  BOOST_TEST(&seen.of<stream>(0) == &seen.of<stream>(1));
  BOOST_TEST(&seen.of<stream>(1) != &seen.of<stream>(2));
  BOOST_TEST(&seen.of<inputs>(0) != &seen.of<inputs>(1));
}

BOOST_AUTO_TEST_CASE(an_expert_is_shown_the_tokens_that_were_sent_to_it) {
  using tamp::modality;
  host_with_expert host(2, 4, 6, 2);
  calibration<inputs, outputs> seen;
  tamp::calibrate(host, seen);
  const auto& shown = seen.of<outputs>(4).samples;
  BOOST_REQUIRE(shown.size() == 2u);  // the second sample sent none
  BOOST_TEST((shown[0].attention == std::vector<float>{5, 2}));
  BOOST_TEST((shown[0].modality == std::vector{modality::text, modality::text}));
  BOOST_TEST((shown[0].first == host.tokens_sent(0)));
  BOOST_TEST((shown[1].attention == std::vector<float>{4}));
  BOOST_TEST((shown[1].modality == std::vector{modality::text}));
  BOOST_TEST(seen.of<inputs>(4).tokens() == 3u);
}

BOOST_AUTO_TEST_CASE(a_token_that_the_sample_does_not_have_is_refused) {
  host_with_expert host(2, 4, 6, 2);
  host.sent[0] = {1, 5};
  calibration<outputs> seen;
  support::check_error<tamp::shape_error>(
      "observe: layer 2 was sent token 5, the modality covers 5",
      [&] { tamp::calibrate(host, seen); });
  BOOST_TEST(seen.blocks_done() == 1u);
}

BOOST_AUTO_TEST_CASE(what_layers_share_is_measured_once_and_read_by_all) {
  host_with_shared_input<true> sharing(2, 4, 4, 3);
  host_with_shared_input<false> silent(2, 4, 4, 3);
  calibration<inputs, outputs> once, twice;
  tamp::calibrate(sharing, once);
  tamp::calibrate(silent, twice);
  for (std::size_t k = 0; k < 4; ++k) {
    BOOST_TEST((once.of<inputs>(k) == twice.of<inputs>(k)));
    BOOST_TEST((once.of<outputs>(k) == twice.of<outputs>(k)));
  }
  BOOST_TEST(&once.of<inputs>(0) == &once.of<inputs>(1));
  BOOST_TEST(&once.of<inputs>(2) == &once.of<inputs>(3));
  BOOST_TEST(&once.of<outputs>(0) != &once.of<outputs>(1));
  BOOST_TEST(&twice.of<inputs>(0) != &twice.of<inputs>(1));
}

BOOST_AUTO_TEST_CASE(a_layer_that_does_not_exist_is_refused) {
  host_that_calls host(1, 4, 4, 4);
  host.layer = 2;
  calibration<outputs> seen;
  support::check_error<tamp::shape_error>(
      "observe: the host reports an output of layer 2 in a block that has 2",
      [&] { tamp::calibrate(host, seen); });
}

BOOST_AUTO_TEST_SUITE_END()
