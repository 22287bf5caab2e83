// Units that leave a model in memory: what stays computes what the dense model does without them.

#include <study/structured.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <llama/decoder.hpp>
#include <llama/forward.hpp>
#include <llama/stored_model.hpp>
#include <string>
#include <vector>

#include "gguf_models.hpp"

BOOST_AUTO_TEST_SUITE(examples_structured)

using llama::Index;
using llama::matrix;
using study::structured_recipe;

namespace {

std::vector<llama::calibration_sample> some_samples(const llama::model& m) {
  std::vector<llama::calibration_sample> samples;
  for (int s = 0; s < 3; ++s) {
    std::vector<int> ids;
    for (int t = 0; t < 12; ++t) ids.push_back((7 * t + 3 * s) % int(m.config.vocabulary));
    samples.push_back({llama::embed(m, ids), std::vector(ids.size(), tamp::modality::text)});
  }
  return samples;
}

// The dense model in which what left gives nothing to the stream.
llama::model silenced(llama::model m, const tamp::structure::ties& ties,
                      const tamp::structure::unit_plan& plan) {
  for (std::size_t b = 0; b < m.blocks.size(); ++b)
    for (const llama::layer l : {llama::o_proj, llama::down_proj}) {
      matrix& w = m.blocks[b].weights[l];
      const auto kept =
          tamp::structure::kept_of(ties, plan, llama::weight_name(Index(b), llama::layer_names[l]),
                                   {std::size_t(w.rows()), std::size_t(w.cols())});
      if (kept.leaves) w.setZero();
      std::vector<bool> stays(std::size_t(w.cols()), false);
      for (const std::size_t j : kept.cols) stays[j] = true;
      for (Index j = 0; j < w.cols(); ++j)
        if (!stays[std::size_t(j)]) w.col(j).setZero();
    }
  return m;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_smaller_model_computes_what_stays) {
  for (const std::string architecture : {"llama", "qwen2", "qwen3"}) {
    const llama::model dense = support::model_of(architecture);
    const auto samples = some_samples(dense);
    const auto seen = study::observe_structure(dense, samples);
    for (const structured_recipe& recipe :
         {structured_recipe{"flap", "uniform", 0.5, false, false},
          structured_recipe{"flap", "global", 0.3, false, false},
          structured_recipe{"wanda", "uniform", 0.5, false, false},
          structured_recipe{"magnitude", "uniform", 0.5, false, false, 16},
          structured_recipe{"block_influence", "uniform", 0.5, false, true}}) {
      const auto ties = study::ties_of(dense, recipe);
      const auto plan = study::plan_structure(dense, recipe, seen, {});
      const llama::model smaller = study::without(dense, ties, plan, nullptr);
      BOOST_TEST(study::parameters(smaller) < study::parameters(dense));
      const matrix expected = llama::forward(silenced(dense, ties, plan), samples[0].hidden);
      const matrix found = llama::forward(smaller, samples[0].hidden);
      BOOST_TEST((found - expected).cwiseAbs().maxCoeff() <= 1e-4f * expected.cwiseAbs().maxCoeff(),
                 architecture << ' ' << study::label(recipe));
      // Token by token, too.
      const llama::stored_model stored = llama::store(smaller, llama::storage::dense_float);
      llama::decoder decode(stored, 16, 1);
      const std::vector<int> ids{1, 2, 3};
      BOOST_TEST(decode.feed(ids).allFinite());
    }
  }
}

BOOST_AUTO_TEST_CASE(biases_make_up_for_what_never_varies) {
  // Inputs of down that are the same for all tokens lose nothing by leaving.
  llama::model dense = support::model_of("llama");
  for (llama::block& b : dense.blocks) {
    b.weights[llama::gate_proj].topRows(8).setZero();  // silu(0) = 0: constant outputs
  }
  const auto samples = some_samples(dense);
  const auto seen = study::observe_structure(dense, samples);
  structured_recipe recipe{"flap", "uniform", 0.1, true, false};
  const auto ties = study::ties_of(dense, recipe);
  auto plan = study::plan_structure(dense, recipe, seen, {});
  for (auto& choice : plan.choices)
    if (choice.kind == "heads") choice.kept = {0, 1};
  const llama::model smaller = study::without(dense, ties, plan, &seen);
  BOOST_TEST(smaller.config.down_bias);
  BOOST_TEST(smaller.blocks[0].biases[llama::down_proj].size() == dense.config.hidden);
  const matrix expected = llama::forward(dense, samples[1].hidden);
  const matrix found = llama::forward(smaller, samples[1].hidden);
  BOOST_TEST((found - expected).cwiseAbs().maxCoeff() <= 1e-4f * expected.cwiseAbs().maxCoeff());
}

BOOST_AUTO_TEST_SUITE_END()
