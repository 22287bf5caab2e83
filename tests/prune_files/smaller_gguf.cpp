// Units that leave a GGUF file: the engine computes of the smaller one what it did without them.
#include <prune/smaller_gguf.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <filesystem>
#include <llama/forward.hpp>
#include <llama/load_gguf.hpp>
#include <numeric>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/gguf.hpp>
#include <tamp/io/unit_plan.hpp>
#include <utility>
#include <vector>

#include "../examples/gguf_models.hpp"
#include "../support/errors.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(prune_files_smaller_gguf)

namespace fs = std::filesystem;
using llama::Index;
using llama::matrix;
using support::output_of;
using support::temporary_folder;
using tamp::structure::unit_plan;
using tamp_prune::settings;

namespace {

std::vector<std::size_t> all_but_first(std::size_t count, std::size_t dropped) {
  std::vector<std::size_t> kept(count - dropped);
  std::iota(kept.begin(), kept.end(), dropped);
  return kept;
}

struct gguf_run {
  temporary_folder folder;
  llama::model dense;
  settings s;

  explicit gguf_run(const std::string& architecture) : dense(support::model_of(architecture)) {
    folder.write("model.gguf", support::with_tokens(support::gguf_of(dense, architecture)).bytes());
    s = support::settings_for(folder / "model.gguf", folder / "out.gguf");
    s.plan = (folder / "plan.json").string();
  }

  // Takes out what the plan says, and compares the logits with those of the dense model in which
  // the columns that left are zero.
  void check(std::vector<std::string> structure, const unit_plan& plan,
             const std::vector<std::pair<Index, Index>>& silent_heads,
             const std::vector<std::pair<Index, Index>>& silent_neurons) {
    s.structure = std::move(structure);
    tamp::io::save(s.plan, plan);
    output_of(s);
    const llama::model smaller = llama::load_gguf((folder / "out.gguf").string()).model;
    llama::model expected = dense;
    const Index group = dense.config.heads / dense.config.kv_heads * dense.config.head_dim;
    for (const auto& [b, count] : silent_heads)
      expected.blocks[std::size_t(b)].weights[llama::o_proj].leftCols(count * group).setZero();
    for (const auto& [b, count] : silent_neurons)
      expected.blocks[std::size_t(b)].weights[llama::down_proj].leftCols(count).setZero();
    const std::vector<int> ids{1, 5, 9, 2, 7};
    const matrix a = llama::forward(smaller, llama::embed(smaller, ids));
    const matrix e = llama::forward(expected, llama::embed(expected, ids));
    BOOST_TEST((a - e).cwiseAbs().maxCoeff() <= 1e-4f * e.cwiseAbs().maxCoeff());
    fs::remove(folder / "out.gguf");
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_engine_runs_what_stays) {
  for (const std::string architecture : {"llama", "qwen2", "qwen3"}) {
    BOOST_TEST_CONTEXT(architecture) {
      gguf_run run(architecture);
      unit_plan neurons{"by hand",
                        {{"blk.0.ffn", "neurons", 48, all_but_first(48, 16)},
                         {"blk.1.ffn", "neurons", 48, all_but_first(48, 16)}},
                        {}};
      run.check({"neurons"}, neurons, {}, {{0, 16}, {1, 16}});
      unit_plan heads{"by hand",
                      {{"blk.0.attention", "heads", 2, {1}}, {"blk.1.attention", "heads", 2, {1}}},
                      {}};
      run.check({"heads"}, heads, {{0, 1}, {1, 1}}, {});
    }
  }
}

BOOST_AUTO_TEST_CASE(blocks_of_different_widths_are_a_deci) {
  gguf_run run("llama");
  const unit_plan plan{"by hand",
                       {{"blk.0.ffn", "neurons", 48, all_but_first(48, 16)},
                        {"blk.1.ffn", "neurons", 48, all_but_first(48, 7)},
                        {"blk.0.attention", "heads", 2, {1}}},
                       {}};
  tamp::io::save(run.s.plan, plan);
  run.s.structure = {"neurons", "heads"};
  support::check_error<tamp::value_error>(
      "--structure: blocks of the smaller model would have different numbers of neurons, and the "
      "architecture 'llama' has one feed_forward_length for all: use --allocate uniform, or of a "
      "llama --architecture deci, of which llama.cpp reads a list",
      [&] { tamp_prune::run(run.s, {}); });
  BOOST_TEST(!fs::exists(run.folder / "out.gguf"));
  run.s.architecture = "deci";
  // A group that the plan does not name, as the heads of block 1, stays whole.
  run.check({"neurons", "heads"}, plan, {{0, 1}}, {{0, 16}, {1, 7}});
}

BOOST_AUTO_TEST_CASE(layers_are_numbered_anew) {
  gguf_run run("llama");
  run.s.structure = {"layers"};
  tamp::io::save(run.s.plan, unit_plan{"by hand", {{"blk", "layers", 2, {1}}}, {}});
  output_of(run.s);
  const tamp::io::gguf_file file(run.folder / "out.gguf");
  BOOST_TEST(file.value<std::uint32_t>("llama.block_count") == 1u);
  BOOST_TEST(file.contains("blk.0.ffn_up.weight"));
  BOOST_TEST(!file.contains("blk.1.ffn_up.weight"));
  const llama::model smaller = llama::load_gguf((run.folder / "out.gguf").string()).model;
  BOOST_TEST(
      (smaller.blocks[0].weights[llama::up_proj] == run.dense.blocks[1].weights[llama::up_proj]));
  gguf_run gemma("gemma3");
  gemma.s.structure = {"layers"};
  tamp::io::save(gemma.s.plan, unit_plan{"by hand", {{"blk", "layers", 7, {1}}}, {}});
  BOOST_CHECK_THROW(tamp_prune::run(gemma.s, {}), tamp::value_error);
}

BOOST_AUTO_TEST_SUITE_END()
