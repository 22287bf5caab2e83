#include "prompts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <llama/load_gguf.hpp>
#include <llama/load_safetensors.hpp>
#include <llama/quality.hpp>
#include <llama/scenes.hpp>
#include <span>
#include <utility>

#include "samples.hpp"

namespace study {
namespace {

using tamp::modality;

tamp::token::grid grid_of(const llama::vision& v, const llama::picture& p) {
  const auto across = std::size_t(p.side / v.patch_size);
  return {.frames = std::size_t(p.frames), .height = across, .width = across};
}

class scene_prompts : public prompts {
 public:
  scene_prompts(const std::string& model, const prompt_settings& settings)
      : model_(llama::load_safetensors(model)),
        calibration_(scenes_of(model, settings.calibration_scenes, "calib", settings.calibration)),
        evaluation_(scenes_of(model, settings.evaluation_scenes, "eval", settings.evaluation)) {}

  std::string description() const override {
    return fmt::format("accuracy in % on {} scenes, fitted to {} others", evaluation_.size(),
                       calibration_.size());
  }
  const llama::model& model() const override { return model_; }
  std::size_t size() const override { return evaluation_.size(); }
  llama::sequence prompt(std::size_t i) const override { return sequence_of(evaluation_, i); }
  tamp::token::selection unpredicted_patches(
      std::size_t i, const tamp::token::pixel_prune_options& options) const override {
    const llama::vision& vision = *model_.config.vision;
    const llama::picture picture = evaluation_.picture(i);
    return tamp::token::pixel_prune(llama::patches(vision, picture), grid_of(vision, picture),
                                    options);
  }
  std::vector<llama::sequence> calibration() const override {
    std::vector<llama::sequence> samples;
    for (std::size_t i = 0; i < calibration_.size(); ++i)
      samples.push_back(sequence_of(calibration_, i));
    return samples;
  }
  std::vector<column> columns() const override { return accuracy_columns(evaluation_); }
  std::vector<double> quality(const llama::matrix& features) const override {
    const llama::matrix logits = features * model_.ends->head().transpose();
    std::vector<int> answers;
    for (llama::Index i = 0; i < logits.rows(); ++i) {
      llama::Index best = 0;
      logits.row(i).maxCoeff(&best);
      answers.push_back(int(best));
    }
    return in_percent(evaluation_, answers);
  }

 private:
  llama::sequence sequence_of(const llama::scenes& s, std::size_t i) const {
    llama::calibration_sample scene = embedded(model_, s, i);
    llama::sequence prompt(std::move(scene.hidden), std::move(scene.kinds));
    prompt.grids = {grid_of(*model_.config.vision, s.picture(i))};
    return prompt;
  }

  llama::model model_;
  llama::scenes calibration_, evaluation_;
};

class prose_prompts : public prompts {
 public:
  prose_prompts(const std::string& model, const prompt_settings& settings)
      : language_(llama::load_gguf(model)), visual_(settings.visual) {
    constexpr std::size_t least_text = 16;
    if (settings.length < least_text || visual_ > settings.length - least_text)
      llama::fail("a prompt of ", settings.length, " tokens has no room for ", visual_,
                  " visual ones and ", least_text, " of text");
    const std::vector<int> tokens = tokens_of(language_, settings.text);
    const std::span<const int> all(tokens);
    const std::size_t half = tokens.size() / 2;
    const auto count = [](std::size_t asked) { return asked == 0 ? std::size_t{2} : asked; };
    const auto start = language_.tokenizer.start();
    calibration_ =
        llama::sequences(all.first(half), settings.length, count(settings.calibration), start);
    evaluation_ =
        llama::sequences(all.subspan(half), settings.length, count(settings.evaluation), start);
    dense_.resize(llama::Index(size()), language_.model.config.hidden);
    for (std::size_t i = 0; i < size(); ++i)
      dense_.row(llama::Index(i)) = llama::forward(language_.model, prompt(i).hidden).bottomRows(1);
  }

  std::string description() const override {
    return fmt::format(
        "{} prompts of {} tokens of prose, {} of them in the middle taken for visual ones, fitted "
        "to {} others; divergence of the next token's prediction from the dense model in nats, "
        "top-1 agreement with it in %",
        size(), evaluation_.front().size(), visual_, calibration_.size());
  }
  const llama::model& model() const override { return language_.model; }
  std::size_t size() const override { return evaluation_.size(); }
  llama::sequence prompt(std::size_t i) const override { return embedded(evaluation_[i]); }
  tamp::token::selection unpredicted_patches(
      std::size_t, const tamp::token::pixel_prune_options&) const override {
    llama::fail("PixelPrune looks at pixels, and prose has none");
  }
  std::vector<llama::sequence> calibration() const override {
    std::vector<llama::sequence> samples;
    for (const auto& tokens : calibration_) samples.push_back(embedded(tokens));
    return samples;
  }
  std::vector<column> columns() const override {
    return {{"divergence", "nats"}, {"agreement", "%"}};
  }
  std::vector<double> quality(const llama::matrix& features) const override {
    double divergence = 0, agreements = 0;
    for (llama::Index i = 0; i < features.rows(); ++i) {
      const Eigen::RowVectorXd p = probabilities(dense_.row(i)), q = probabilities(features.row(i));
      divergence += (p.array() * (p.array().log() - q.array().log())).sum();
      llama::Index mine = 0, theirs = 0;
      q.maxCoeff(&mine);
      p.maxCoeff(&theirs);
      agreements += mine == theirs;
    }
    return {divergence / double(features.rows()), 100 * agreements / double(features.rows())};
  }

 private:
  llama::sequence embedded(const std::vector<int>& tokens) const {
    std::vector<modality> kinds(tokens.size(), modality::text);
    const auto first = kinds.begin() + std::ptrdiff_t((tokens.size() - visual_) / 2);
    std::fill(first, first + std::ptrdiff_t(visual_), modality::image);
    llama::sequence prompt(llama::embed(language_.model, tokens), std::move(kinds));
    prompt.grids = {{.width = visual_}};
    return prompt;
  }
  Eigen::RowVectorXd probabilities(const llama::row_vector& features) const {
    const Eigen::RowVectorXd logits =
        (features * language_.model.ends->head().transpose()).cast<double>();
    const Eigen::RowVectorXd p = (logits.array() - logits.maxCoeff()).exp();
    return p / p.sum();
  }

  llama::language_model language_;
  std::size_t visual_;
  std::vector<std::vector<int>> calibration_, evaluation_;
  llama::matrix dense_;  // (prompts, hidden), of the last token
};

}  // namespace

std::unique_ptr<prompts> load_prompts(const std::string& model, const prompt_settings& settings) {
  if (reads_prose(model)) return std::make_unique<prose_prompts>(model, settings);
  return std::make_unique<scene_prompts>(model, settings);
}

}  // namespace study
