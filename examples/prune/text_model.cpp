#include "text_model.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <llama/load_folder.hpp>
#include <llama/quality.hpp>
#include <span>
#include <tamp/model/modality.hpp>

#include "sentences.hpp"

namespace tamp_prune {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse(path, "cannot be read");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (const std::size_t zero = text.find('\0'); zero != text.npos)
    refuse(path, "is no text: byte ", zero, " is zero");
  return text;
}

llama::language_model load(const model_files& model) {
  if (model.is_gguf) return llama::load_gguf(model.path_of(0).string());
  std::vector<std::string> weights;
  for (const auto& file : model.weights) weights.push_back(file.string());
  return llama::load_folder(model.folder.string(), weights);
}

}  // namespace

text_model load_text_model(const model_files& model, const text_options& options,
                           const team& ranks) {
  text_model loaded{load(model), {}, {}};
  const llama::language_model& language = loaded.language;
  const std::vector<int> tokens = language.tokenizer.encode(read_text(options.text));
  const std::size_t count = std::min(options.sequences, tokens.size() / options.length);
  if (count == 0)
    refuse(options.text, "has ", counted(tokens.size(), "token"), ", fewer than one sequence of ",
           options.length);
  const auto sequences =
      llama::sequences(tokens, options.length, count, language.tokenizer.start());
  loaded.sequences = part_of(sequences.size(), ranks);
  for (const auto& sequence :
       std::span(sequences).subspan(loaded.sequences.first, loaded.sequences.count))
    loaded.samples.push_back({llama::embed(language.model, sequence),
                              std::vector(sequence.size(), tamp::modality::text)});
  return loaded;
}

}  // namespace tamp_prune
