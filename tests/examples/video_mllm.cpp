// The embedded model with clips: the engine against golden values, the study with sequences of
// several lengths.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <llama/forward.hpp>
#include <llama/load_safetensors.hpp>
#include <llama/load_scenes.hpp>
#include <llama/scenes.hpp>
#include <llama/tamp_host.hpp>
#include <numeric>
#include <stdexcept>
#include <string>
#include <study/prompts.hpp>
#include <study/reduce_model.hpp>
#include <study/subject.hpp>
#include <tamp/io/safetensors.hpp>
#include <tamp/token/schedule.hpp>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(examples_video_mllm)

namespace {

using llama::Index;
using llama::matrix;

const std::string folder = TAMP_SOURCE_DIR "/examples/data/video_mllm/";

float largest_difference(const matrix& a, const matrix& b) {
  BOOST_REQUIRE_EQUAL(a.rows(), b.rows());
  BOOST_REQUIRE_EQUAL(a.cols(), b.cols());
  return (a - b).cwiseAbs().maxCoeff();
}

struct last_attention : llama::null_observer {
  void attention(const llama::row_vector& a) override { values = a; }
  matrix values;
};

}  // namespace

BOOST_AUTO_TEST_CASE(video_mllm_reproduces_the_golden_values) {
  const llama::model m = llama::load_safetensors(folder + "video_mllm.safetensors");
  const llama::scenes s = llama::load_scenes(folder + "video_eval.safetensors");
  const tamp::io::safetensors_file golden(folder + "logits_check.safetensors");
  BOOST_REQUIRE_EQUAL(s.size(), 1056);
  const auto expected = [&](const std::string& name, Index rows, Index cols) {
    const std::vector<float> values = golden.read_floats(name);
    BOOST_REQUIRE_EQUAL(Index(values.size()), rows * cols);
    return matrix(Eigen::Map<const matrix>(values.data(), rows, cols));
  };

  const matrix logits = expected("logits", 12, 64);
  for (Index i = 0; i < 12; ++i) {
    const matrix features = llama::forward(m, llama::embed_scene(m, s, std::size_t(i)).hidden);
    BOOST_CHECK_LT(largest_difference(llama::last_logits(m, features), logits.row(i)), 2e-3f);
  }
  for (const auto& [form, visual] : {std::pair{"small", 64}, {"large", 256}, {"clip", 288}}) {
    const std::string name = form;
    const auto i = std::size_t(golden.values<std::int32_t>(name + ".question")[0]);
    const llama::embedded_scene scene = llama::embed_scene(m, s, i);
    const Index tokens = scene.hidden.rows();
    BOOST_CHECK_EQUAL(tokens, 2 + visual + 1 + Index(s.question(i).size()) + 1);
    BOOST_CHECK_EQUAL(std::accumulate(scene.visual.begin(), scene.visual.end(), 0), visual);
    // Stored in half precision.
    BOOST_CHECK_LT(largest_difference(scene.hidden, expected(name + ".embedding", tokens, 256)),
                   1e-2f);
    const matrix states = expected(name + ".last_hidden", 8, 256);
    const matrix attention = expected(name + ".last_query_attention", 8, tokens);
    matrix hidden = scene.hidden;
    for (Index b = 0; b < 8; ++b) {
      last_attention seen;
      llama::forward_block(m, b, hidden, seen);
      const float scale = states.row(b).cwiseAbs().maxCoeff();
      BOOST_CHECK_LT(largest_difference(hidden.bottomRows(1), states.row(b)), 1e-4f * scale);
      BOOST_CHECK_LT(largest_difference(seen.values, attention.row(b)), 1e-4f);
    }
  }
}

BOOST_AUTO_TEST_CASE(video_mllm_answers_as_the_golden_model) {
  const llama::model m = llama::load_safetensors(folder + "video_mllm.safetensors");
  llama::scenes s = llama::load_scenes(folder + "video_eval.safetensors");
  const tamp::io::safetensors_file golden(folder + "logits_check.safetensors");
  const auto expected = golden.values<std::int32_t>("dense_predictions");
  BOOST_REQUIRE_EQUAL(expected.size(), s.size());
  s.answers.resize(132);
  const std::vector<int> given = llama::answer(m, s);
  for (std::size_t i = 0; i < s.size(); ++i) BOOST_CHECK_EQUAL(given[i], expected[i]);
}

BOOST_AUTO_TEST_CASE(each_number_of_visual_tokens_keeps_the_same_share) {
  study::prompt_settings few;
  few.calibration = 4;
  few.evaluation = 44;
  const auto prompts = study::load_prompts(folder + "video_mllm.safetensors", few);
  study::reducer reducer(*prompts, 1);
  const llama::reduction r = reducer.reduction({"attention_top_k", 0.5, "-"});
  BOOST_REQUIRE_EQUAL(r.schedules.size(), 3);
  const auto shape = llama::shape_of(prompts->model().config);
  for (const std::size_t visual : {64u, 256u, 288u}) {
    tamp::token::schedule s = r.schedules.at(visual);
    BOOST_CHECK_LE(s.cost(shape, visual), 0.5);
    BOOST_REQUIRE_GT(s.drops[1], 0);
    --s.drops[1];
    BOOST_CHECK_GT(s.cost(shape, visual), 0.5);
  }
  BOOST_CHECK_LE(reducer.measure(r).multiply_adds, 0.65);
  BOOST_CHECK_THROW(reducer.joint(0.5), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(policies_for_videos_see_the_frames_of_each_prompt) {
  study::prompt_settings few;
  few.calibration = 1;
  few.evaluation = 44;
  const auto prompts = study::load_prompts(folder + "video_mllm.safetensors", few);
  std::vector<std::size_t> frames;
  for (std::size_t i = 0; i < prompts->size(); ++i) {
    const llama::sequence s = prompts->prompt(i);
    BOOST_REQUIRE_EQUAL(s.grids.size(), 1);
    BOOST_CHECK_EQUAL(s.grids[0].tokens(), s.visual_tokens());
    BOOST_CHECK_EQUAL(s.grids[0].height, s.grids[0].width);
    if (s.grids[0].frames != 1) frames.push_back(s.grids[0].frames);
  }
  BOOST_CHECK(!frames.empty());
  BOOST_CHECK_EQUAL(std::count(frames.begin(), frames.end(), 8u), std::ptrdiff_t(frames.size()));

  study::reducer reducer(*prompts, 1);
  for (const char* name : {"evs", "vidcom2"})
    BOOST_CHECK_LE(reducer.measure(reducer.reduction({name, 0.5, "-"})).multiply_adds, 0.65);
}

BOOST_AUTO_TEST_CASE(patches_that_their_neighbours_predict_do_not_enter) {
  study::prompt_settings few;
  few.calibration = 1;
  few.evaluation = 44;
  const auto prompts = study::load_prompts(folder + "video_mllm.safetensors", few);
  study::reducer reducer(*prompts, 1);
  const llama::reduction r = reducer.reduction({"pixel_prune:0.1", 1, "-"});
  for (const std::size_t i : {0u, 20u, 43u}) {
    llama::sequence s = prompts->prompt(i);
    const llama::sequence whole = s;
    const tamp::token::selection patches = prompts->unpredicted_patches(i, {.tau = 0.1});
    const tamp::token::selection stay = r.entering(s, i);
    BOOST_CHECK_EQUAL(stay.kept.size() + patches.into.size(),
                      whole.kinds.size() + patches.kept.size());
    llama::forward(prompts->model(), s, [&] {
      llama::reduction mine = r;
      mine.sequence = i;
      return mine;
    }());
    // All of the text is there, and of the patches those that were kept, at their old places.
    std::vector<std::size_t> visual;
    for (std::size_t t = 0; t < s.kinds.size(); ++t)
      if (s.kinds[t] != tamp::modality::text)
        visual.push_back(s.positions[t] - std::size_t(llama::vision::first_patch));
    BOOST_TEST(visual == patches.kept, boost::test_tools::per_element());
    BOOST_CHECK_EQUAL(s.kinds.size() - visual.size(), whole.kinds.size() - whole.visual_tokens());
    BOOST_CHECK(s.grids.empty());
  }
  const study::reduced found = reducer.measure(r);
  BOOST_CHECK_LT(found.multiply_adds, 1);
  BOOST_CHECK_THROW(reducer.reduction({"pixel_prune:much", 1, "-"}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(the_study_reads_scenes_of_several_sizes) {
  study::data_settings few;
  few.calibration = 22;
  few.evaluation = 4;
  const auto subject = study::load_subject(folder + "video_mllm.safetensors", few);
  const auto samples = subject->calibration_samples(0);
  BOOST_REQUIRE_EQUAL(samples.size(), 22);
  for (const std::size_t i : {0u, 7u, 14u}) {
    const std::size_t tokens = samples[i].kinds.size(), visual = i == 0 ? 64 : i == 7 ? 256 : 288;
    BOOST_CHECK_EQUAL(
        std::count(samples[i].kinds.begin(), samples[i].kinds.end(), tamp::modality::image),
        std::ptrdiff_t(visual));
    for (std::size_t t = 0; t < tokens; ++t)
      BOOST_CHECK_EQUAL(samples[i].read[t] != 0, t >= visual + 3);
  }
}

BOOST_AUTO_TEST_SUITE_END()
