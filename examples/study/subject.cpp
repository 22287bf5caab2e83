#include "subject.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <llama/load_gguf.hpp>
#include <llama/load_safetensors.hpp>
#include <llama/load_scenes.hpp>
#include <llama/quality.hpp>
#include <llama/scenes.hpp>
#include <span>

namespace study {
namespace {

// A multimodal model that answers questions about scenes: accuracy in percent, per kind and in all.
class scene_subject : public subject {
 public:
  scene_subject(const std::string& model, const data_settings& settings)
      : model_(llama::load_safetensors(model)),
        calibration_(load(model, settings.calibration_scenes, "tiny_calib.safetensors")),
        evaluation_(load(model, settings.evaluation_scenes, "tiny_eval.safetensors")) {
    if (settings.calibration != 0) shorten(calibration_, settings.calibration);
    if (settings.evaluation != 0) shorten(evaluation_, settings.evaluation);
  }

  std::string description() const override {
    return fmt::format("accuracy in % on {} scenes, calibrated on {} others", evaluation_.size(),
                       calibration_.size());
  }
  const llama::model& dense() const override { return model_; }
  std::vector<llama::matrix> calibration_samples() const override {
    std::vector<llama::matrix> samples;
    for (std::size_t i = 0; i < calibration_.size(); ++i)
      samples.push_back(llama::embed_scene(model_, calibration_, i).hidden);
    return samples;
  }
  std::vector<std::string> columns() const override {
    std::vector<std::string> names{"accuracy"};
    names.insert(names.end(), evaluation_.kind_names.begin(), evaluation_.kind_names.end());
    return names;
  }
  std::vector<double> measure(const llama::model& m) const override {
    const llama::accuracy result = llama::grade(evaluation_, llama::answer(m, evaluation_));
    std::vector<double> percent{100 * result.overall};
    for (const double kind : result.of_kind) percent.push_back(100 * kind);
    return percent;
  }

 private:
  static llama::scenes load(const std::string& model, const std::string& named,
                            const char* beside_model) {
    const auto folder = std::filesystem::path(model).parent_path();
    return llama::load_scenes(named.empty() ? (folder / beside_model).string() : named);
  }
  static void shorten(llama::scenes& s, std::size_t count) {
    if (count > s.size()) llama::fail("there are ", s.size(), " scenes, not ", count);
    s.answers.resize(count);
  }

  llama::model model_;
  llama::scenes calibration_, evaluation_;
};

// A language model on prose: the first half of the text calibrates, the second half judges.
class text_subject : public subject {
 public:
  text_subject(const std::string& model, const data_settings& settings)
      : language_(llama::load_gguf(model)) {
    if (settings.text.empty()) llama::fail("a language model is judged on prose: --text FILE");
    std::ifstream file(settings.text, std::ios::binary);
    if (!file) llama::fail("cannot read ", settings.text);
    const std::string prose{std::istreambuf_iterator<char>(file), {}};
    const std::vector<int> tokens = language_.tokenizer.encode(prose);
    const std::span<const int> all(tokens);
    const std::size_t half = tokens.size() / 2;
    calibration_ = llama::sequences(all.first(half), settings.sequence_length,
                                    settings.calibration == 0 ? 32 : settings.calibration);
    evaluation_ = llama::sequences(all.subspan(half), settings.sequence_length,
                                   settings.evaluation == 0 ? 32 : settings.evaluation);
    reference_ = std::make_unique<llama::text_reference>(language_.model, evaluation_);
  }

  std::string description() const override {
    return fmt::format(
        "{} sequences of {} tokens of prose, calibrated on {} others; divergence from the dense "
        "model in nats, top-1 agreement with it in %",
        evaluation_.size(), evaluation_.front().size(), calibration_.size());
  }
  const llama::model& dense() const override { return language_.model; }
  std::vector<llama::matrix> calibration_samples() const override {
    std::vector<llama::matrix> samples;
    for (const auto& tokens : calibration_)
      samples.push_back(llama::embed(language_.model, tokens));
    return samples;
  }
  std::vector<std::string> columns() const override {
    return {"perplexity", "divergence", "agreement"};
  }
  std::vector<double> measure(const llama::model& m) const override {
    const llama::text_quality quality = reference_->measure(m);
    return {quality.perplexity, quality.divergence, 100 * quality.agreement};
  }

 private:
  llama::language_model language_;
  std::vector<std::vector<int>> calibration_, evaluation_;
  std::unique_ptr<llama::text_reference> reference_;
};

}  // namespace

std::unique_ptr<subject> load_subject(const std::string& model, const data_settings& settings) {
  if (std::filesystem::path(model).extension() == ".gguf")
    return std::make_unique<text_subject>(model, settings);
  return std::make_unique<scene_subject>(model, settings);
}

}  // namespace study
