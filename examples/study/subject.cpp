#include "subject.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <llama/load_gguf.hpp>
#include <llama/load_safetensors.hpp>
#include <llama/quality.hpp>
#include <llama/scenes.hpp>
#include <numeric>
#include <random>
#include <span>
#include <utility>

#include "samples.hpp"

namespace study {
namespace {

// `count` of the numbers below `size`, at most all of them: the first for seed 0, else a random
// choice. (Shuffled by hand, since std::shuffle differs between libraries.)
std::vector<std::size_t> choose(std::size_t size, std::size_t count, unsigned seed) {
  std::vector<std::size_t> all(size);
  std::iota(all.begin(), all.end(), std::size_t{0});
  std::mt19937_64 random(seed);
  if (seed != 0)
    for (std::size_t k = 0; k < count; ++k) std::swap(all[k], all[k + random() % (size - k)]);
  all.resize(count);
  return all;
}

// A multimodal model that answers questions about scenes: accuracy in percent, per kind and in all.
class scene_subject : public subject {
 public:
  scene_subject(const std::string& model, const data_settings& settings)
      : model_(llama::load_safetensors(model)),
        calibration_(scenes_of(model, settings.calibration_scenes, "calib", 0)),
        evaluation_(scenes_of(model, settings.evaluation_scenes, "eval", settings.evaluation)) {
    calibration_size_ = settings.calibration == 0 ? calibration_.size() : settings.calibration;
    if (calibration_size_ > calibration_.size())
      llama::fail("there are ", calibration_.size(), " scenes, not ", calibration_size_);
  }

  std::string description() const override {
    return fmt::format("accuracy in % on {} scenes, calibrated on {} others", evaluation_.size(),
                       calibration_size_);
  }
  const llama::model& dense() const override { return model_; }
  std::vector<llama::calibration_sample> calibration_samples(unsigned seed) const override {
    std::vector<llama::calibration_sample> samples;
    for (const std::size_t i : choose(calibration_.size(), calibration_size_, seed))
      samples.push_back(embedded(model_, calibration_, i));
    return samples;
  }
  std::vector<column> columns() const override { return accuracy_columns(evaluation_); }
  std::vector<double> measure(const llama::model& m, std::vector<double>* of_samples,
                              const llama::progress_function& on_progress) const override {
    const std::vector<int> given = llama::answer(m, evaluation_, on_progress);
    if (of_samples != nullptr) {
      of_samples->clear();
      for (std::size_t i = 0; i < given.size(); ++i)
        of_samples->push_back(given[i] == evaluation_.answers[i] ? 1.0 : 0.0);
    }
    return in_percent(evaluation_, given);
  }

 private:
  llama::model model_;
  llama::scenes calibration_, evaluation_;
  std::size_t calibration_size_ = 0;
};

// A language model on prose: the first half of the text calibrates, the second half judges.
class text_subject : public subject {
 public:
  text_subject(const std::string& model, const data_settings& settings,
               const llama::progress_function& on_progress)
      : language_(llama::load_gguf(model)) {
    const std::vector<int> tokens = tokens_of(language_, settings.text);
    const std::span<const int> all(tokens);
    const std::size_t half = tokens.size() / 2;
    calibration_size_ = settings.calibration == 0 ? 32 : settings.calibration;
    const auto start = language_.tokenizer.start();
    calibration_ =
        llama::sequences(all.first(half), settings.sequence_length, calibration_size_, start);
    pool_ = llama::sequences(
        all.first(half), settings.sequence_length,
        llama::most_sequences(all.first(half), settings.sequence_length, start), start);
    evaluation_ = llama::sequences(all.subspan(half), settings.sequence_length,
                                   settings.evaluation == 0 ? 32 : settings.evaluation, start);
    reference_ = std::make_unique<llama::text_reference>(language_.model, evaluation_, on_progress);
  }

  std::string description() const override {
    return fmt::format(
        "{} sequences of {} tokens of prose, calibrated on {} others; divergence from the dense "
        "model in nats, top-1 agreement with it in %",
        evaluation_.size(), evaluation_.front().size(), calibration_.size());
  }
  const llama::model& dense() const override { return language_.model; }
  std::vector<llama::calibration_sample> calibration_samples(unsigned seed) const override {
    std::vector<std::vector<int>> sequences = calibration_;
    if (seed != 0) {
      sequences.clear();
      for (const std::size_t i : choose(pool_.size(), calibration_size_, seed))
        sequences.push_back(pool_[i]);
    }
    std::vector<llama::calibration_sample> samples;
    for (const auto& tokens : sequences)
      samples.push_back({llama::embed(language_.model, tokens),
                         std::vector(tokens.size(), tamp::modality::text)});
    return samples;
  }
  std::vector<column> columns() const override {
    return {{"perplexity"}, {"divergence", "nats"}, {"agreement", "%"}};
  }
  std::vector<double> measure(const llama::model& m, std::vector<double>* of_samples,
                              const llama::progress_function& on_progress) const override {
    const llama::text_quality quality = reference_->measure(m, of_samples, on_progress);
    return {quality.perplexity, quality.divergence, 100 * quality.agreement};
  }

 private:
  llama::language_model language_;
  std::vector<std::vector<int>> calibration_, pool_, evaluation_;  // the pool is for other seeds
  std::size_t calibration_size_ = 0;
  std::unique_ptr<llama::text_reference> reference_;
};

}  // namespace

std::unique_ptr<subject> load_subject(const std::string& model, const data_settings& settings,
                                      const llama::progress_function& on_progress) {
  if (reads_prose(model)) return std::make_unique<text_subject>(model, settings, on_progress);
  return std::make_unique<scene_subject>(model, settings);
}

}  // namespace study
