#pragma once

// Scenes and prose, as both studies read them.

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <llama/load_gguf.hpp>
#include <llama/load_scenes.hpp>
#include <llama/scenes.hpp>
#include <llama/tamp_host.hpp>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "data_files.hpp"
#include "result_table.hpp"

namespace study {

// The first `count` scenes (0: all) of the file that is named, or else lies beside the model.
inline llama::scenes scenes_of(const std::string& model, const std::string& named,
                               const std::string& purpose, std::size_t count) {
  llama::scenes s = llama::load_scenes(scenes_file(model, named, purpose));
  if (count > s.size()) llama::fail("there are ", s.size(), " scenes, not ", count);
  if (count != 0) s.answers.resize(count);
  return s;
}

// A scene's embeddings and the kinds of its tokens. The model is read at the question, which
// follows the token that ends the image.
inline llama::calibration_sample embedded(const llama::model& m, const llama::scenes& s,
                                          std::size_t i) {
  llama::embedded_scene scene = llama::embed_scene(m, s, i);
  llama::calibration_sample sample{std::move(scene.hidden), {}};
  for (const auto visual : scene.visual)
    sample.kinds.push_back(visual != 0 ? tamp::modality::image : tamp::modality::text);
  const std::size_t tokens = sample.kinds.size();
  const auto last_patch =
      std::find(sample.kinds.rbegin(), sample.kinds.rend(), tamp::modality::image);
  const auto question = static_cast<std::size_t>(sample.kinds.rend() - last_patch) + 1;
  sample.read.assign(tokens, 0.0);
  for (std::size_t t = question; t < tokens; ++t)
    sample.read[t] = 1.0 / static_cast<double>(tokens - question);
  return sample;
}

// Accuracy in all and of each kind of question: the columns, and the numbers in percent.
inline std::vector<column> accuracy_columns(const llama::scenes& s) {
  std::vector<column> all{{"accuracy", "%"}};
  for (const std::string& kind : s.kind_names) all.push_back({kind, "%"});
  return all;
}
// A kind that no scene asks for has no accuracy, and is not a number.
inline std::vector<double> in_percent(const llama::scenes& s, const std::vector<int>& answers) {
  const llama::accuracy result = llama::grade(s, answers);
  std::vector<double> percent{100 * result.overall};
  for (std::size_t k = 0; k < result.of_kind.size(); ++k) {
    bool is_asked = false;
    for (std::size_t i = 0; i < s.size(); ++i) is_asked |= std::size_t(s.kinds[i]) == k;
    percent.push_back(is_asked ? 100 * result.of_kind[k]
                               : std::numeric_limits<double>::quiet_NaN());
  }
  return percent;
}

// The tokens of a file of prose, or of a file *.ids: numbers of tokens, with space between them.
inline std::vector<int> tokens_of(const llama::language_model& language, const std::string& text) {
  if (text.empty()) llama::fail("a language model is judged on prose: --text FILE");
  std::ifstream file(text, std::ios::binary);
  if (!file) llama::fail("cannot read ", text);
  if (std::filesystem::path(text).extension() == ".ids") {
    std::vector<int> tokens;
    const auto vocabulary = language.model.ends->embedding.rows();
    for (std::string word; file >> word;) {
      int token = 0;
      const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), token);
      if (problem != std::errc{} || end != word.data() + word.size() || token < 0 ||
          token >= vocabulary)
        llama::fail("entry ", tokens.size(), " of ", text, " is '", word, "', which is none of ",
                    vocabulary, " tokens");
      tokens.push_back(token);
    }
    return tokens;
  }
  return language.tokenizer.encode(std::string{std::istreambuf_iterator<char>(file), {}});
}

}  // namespace study
