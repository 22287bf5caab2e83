// The engine as a host: what it shows of whole samples.

#include <llama/tamp_host.hpp>

#include <omp.h>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <tamp/execute/openmp.hpp>
#include <tamp/stat/reach.hpp>
#include <vector>

BOOST_AUTO_TEST_SUITE(examples_tamp_host)

namespace {

using llama::Index;
using llama::matrix;
using tamp::stat::token_gains;

// Three blocks, whose feed-forward networks add nothing.
llama::model attention_alone(bool output_norms) {
  llama::config c;
  c.hidden = 12;
  c.layers = 3;
  c.heads = 4;
  c.kv_heads = 2;
  c.head_dim = 4;
  c.ffn = 8;
  c.vocabulary = 11;
  c.positions = 50;
  c.tied_head = true;
  c.output_norms = output_norms;
  std::mt19937 random(3);
  llama::model m = llama::assemble(c, [&](const std::string&, Index rows, Index cols) {
    std::normal_distribution<float> normal(0.0f, 0.5f);
    return matrix(matrix::NullaryExpr(rows, cols, [&] { return normal(random); }));
  });
  for (llama::block& b : m.blocks) b.weights[llama::down_proj].setZero();
  return m;
}

std::vector<llama::calibration_sample> some_samples(const llama::model& m, std::size_t count) {
  std::vector<llama::calibration_sample> samples;
  for (std::size_t s = 0; s < count; ++s) {
    std::vector<int> ids;
    for (std::size_t t = 0; t < 5 + s; ++t) ids.push_back(int(3 * t + s) % 11);
    samples.push_back({llama::embed(m, ids), std::vector(ids.size(), tamp::modality::text)});
  }
  return samples;
}

// The calls that an observer of whole samples gets.
struct told {
  std::vector<std::size_t> tokens;        // of each sample
  std::vector<std::vector<double>> read;  // of those samples that say so
  std::vector<token_gains> of_blocks;     // of all samples
  std::size_t stop = 99;

  bool begin(std::span<const tamp::modality> kinds) {
    if (tokens.size() == stop) return false;
    tokens.push_back(kinds.size());
    return true;
  }
  void read_at(std::span<const double> weights) {
    read.emplace_back(weights.begin(), weights.end());
  }
  void gains(token_gains g) { of_blocks.push_back(std::move(g)); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_first_token_gains_what_attention_adds_to_it) {
  // It attends to itself alone, so that all that is added comes from there.
  for (const bool output_norms : {false, true}) {
    llama::model m = attention_alone(output_norms);
    const auto samples = some_samples(m, 2);
    const llama::tamp_host host(m, samples);
    told seen;
    host.observe_samples(0, seen);
    BOOST_TEST(seen.of_blocks.size() == 2 * 3u);
    for (std::size_t s = 0; s < 2; ++s) {
      matrix hidden = samples[s].hidden;
      for (std::size_t b = 0; b < 3; ++b) {
        const matrix before = hidden;
        llama::forward_block(m, Index(b), hidden);
        const double added = double((hidden - before).row(0).squaredNorm()),
                     energy = double(before.row(0).squaredNorm());
        const token_gains& gains = seen.of_blocks[s * 3 + b];
        BOOST_TEST(std::abs(double(gains(0, 0)) - added / energy) < 1e-4 * added / energy);
        BOOST_TEST(gains(0, 1) == 0.0f);  // no token sees a later one
        BOOST_TEST(gains(1, 0) > 0.0f);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(samples_come_in_order_from_the_first_that_is_asked_for) {
  llama::model m = attention_alone(false);
  auto samples = some_samples(m, 7);
  samples[4].read.assign(samples[4].kinds.size(), 0.5);
  const llama::tamp_host host(m, samples);
  told all, some;
  host.observe_samples(0, all);
  BOOST_TEST(all.tokens == (std::vector<std::size_t>{5, 6, 7, 8, 9, 10, 11}));
  BOOST_TEST(all.read.size() == 1u);
  BOOST_TEST(all.read[0] == samples[4].read);
  some.stop = 2;
  host.observe_samples(3, some);
  BOOST_TEST(some.tokens == (std::vector<std::size_t>{8, 9}));
  for (std::size_t k = 0; k < some.of_blocks.size(); ++k)
    BOOST_TEST((some.of_blocks[k] == all.of_blocks[3 * 3 + k]));
}

BOOST_AUTO_TEST_CASE(weights_do_not_depend_on_threads_and_the_samples_stay_where_they_are) {
  llama::model m = attention_alone(false);
  const auto samples = some_samples(m, 5);
  const int before = omp_get_max_threads();
  std::vector<tamp::token_weights> found;
  for (const int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    llama::tamp_host host(m, samples);
    tamp::token_weights weights;
    BOOST_TEST(tamp::stat::reach::measure(tamp::execute::openmp{threads}, host, weights));
    found.push_back(weights);
  }
  omp_set_num_threads(before);
  BOOST_TEST((found[0] == found[1]));
  BOOST_TEST((found[0] == found[2]));
  BOOST_TEST(found[0].samples() == 5u);
}

BOOST_AUTO_TEST_SUITE_END()
