#include "text_norms.hpp"

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <llama/load_folder.hpp>
#include <llama/load_gguf.hpp>
#include <llama/quality.hpp>
#include <llama/tamp_host.hpp>
#include <span>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/execute/openmp.hpp>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/io/gguf_header.hpp>
#include <tamp/model/linear_layers.hpp>
#include <tamp/prune/calibrate.hpp>
#include <tamp/score/wanda.hpp>
#include <tamp/stat/column_norm.hpp>
#include <utility>
#include <vector>

#include "../study/progress_bar.hpp"
#include "sentences.hpp"

namespace tamp_prune {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse(path, "cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<llama::calibration_sample> samples_of(const llama::language_model& language,
                                                  const text_options& options) {
  const std::vector<int> tokens = language.tokenizer.encode(read_text(options.text));
  const std::size_t count = std::min(options.sequences, tokens.size() / options.length);
  if (count == 0)
    refuse(options.text, "has ", counted(tokens.size(), "token"), ", fewer than one sequence of ",
           options.length);
  std::vector<llama::calibration_sample> samples;
  for (const auto& sequence :
       llama::sequences(tokens, options.length, count, language.tokenizer.start()))
    samples.push_back({llama::embed(language.model, sequence),
                       std::vector(sequence.size(), tamp::modality::text)});
  return samples;
}

// What the memory of a model depends on, beside its tensors.
struct text_sizes {
  std::uint64_t hidden = 0, head = 0, positions = 0;
  std::uint64_t vocabulary = 0;  // bytes in memory
  bool joins_all = false;        // the text is one piece (sentencepiece)
};

// A number in the metadata that begins with the architecture's name; 0 if the file has none.
std::uint64_t number_of(const tamp::io::gguf_header& header, const std::string& key) {
  constexpr const char* architecture = "general.architecture";
  if (!header.has(architecture)) return 0;
  const std::string own = header.value<std::string>(architecture) + '.' + key;
  return header.has(own) ? header.value<std::uint64_t>(own) : 0;
}

text_sizes sizes_of_gguf(const model_files& model) {
  const tamp::detail::readable_file file(model.path_of(0));
  std::vector<std::byte> bytes;
  const auto header = read_gguf_header(file, bytes);
  text_sizes sizes;
  sizes.hidden = number_of(header, "embedding_length");
  const auto heads = std::max<std::uint64_t>(number_of(header, "attention.head_count"), 1);
  sizes.head = std::max(number_of(header, "attention.key_length"), sizes.hidden / heads);
  sizes.positions = number_of(header, "context_length");
  sizes.vocabulary = 16 * header.data_offset();
  sizes.joins_all = header.has("tokenizer.ggml.scores");
  return sizes;
}

text_sizes sizes_of_folder(const model_files& model) {
  const llama::config c = llama::read_config((model.folder / "config.json").string());
  const auto bytes = std::filesystem::file_size(model.folder / "tokenizer.json");
  return {std::uint64_t(c.hidden), std::uint64_t(c.head_dim), std::uint64_t(c.positions),
          32 * bytes, true};
}

llama::language_model load(const model_files& model) {
  if (model.is_gguf) return llama::load_gguf(model.path_of(0).string());
  std::vector<std::string> weights;
  for (const auto& file : model.weights) weights.push_back(file.string());
  return llama::load_folder(model.folder.string(), weights);
}

// Returns use(). What the engine throws becomes a tamp::value_error.
template <class Use>
auto with_engine(const Use& use) {
  try {
    return use();
  } catch (const llama::error& problem) {
    throw tamp::value_error(tamp::detail::sentence("--text: ", problem.what()));
  }
}

}  // namespace

void check_is_read(const model_files& model) {
  if (!model.is_gguf && !model.is_folder)
    refuse(model.path_of(0),
           "is a safetensors file by itself, and --text needs a folder with config.json and "
           "tokenizer.json, or a GGUF file");
  if (model.is_gguf && model.weights.size() > 1)
    refuse(model.path_of(0), "is one of ", model.weights.size(),
           " parts, and --text reads models of one file: merge them with llama-gguf-split --merge");
  if (model.is_gguf) return;
  for (const char* name : {"config.json", "tokenizer.json"})
    if (!std::filesystem::exists(model.folder / name))
      refuse(model.folder, "has no ", name, ", which --text needs");
}

std::uint64_t bytes_for_text(const model_files& model, const text_options& options) {
  const text_sizes sizes =
      with_engine([&] { return model.is_gguf ? sizes_of_gguf(model) : sizes_of_folder(model); });
  std::uint64_t numbers = 0, largest = 0, widest = 0;
  for (const tensor& t : model.tensors) {
    numbers += t.size();
    largest = std::max<std::uint64_t>(largest, t.size());
    if (t.shape.size() == 2 && tamp::linear_layer_of(t.name))
      widest = std::max<std::uint64_t>({widest, t.shape[0], t.shape[1]});
  }
  // A sine and a cosine for each position and each pair of a head's features, twice if some blocks
  // see a window.
  const std::uint64_t tables = 2 * sizes.positions * sizes.head;
  // The states of all tokens before and after a block, and what a block computes for some sequences.
  const std::uint64_t states = 2 * options.sequences * options.length * sizes.hidden;
  const auto threads = static_cast<std::uint64_t>(omp_get_max_threads());
  const std::uint64_t computed = 16 * threads * options.length * widest;
  const std::uint64_t text = std::filesystem::file_size(options.text);
  return model.bytes() + sizes.vocabulary + (sizes.joins_all ? 320 : 16) * text +
         sizeof(float) * (numbers + largest + tables + states + computed);
}

tamp::io::named_norms norms_of_text(const model_files& model, const text_options& options,
                                    const std::function<bool()>& is_stopped) {
  return with_engine([&] {
    llama::language_model language = load(model);
    const auto samples = samples_of(language, options);
    llama::tamp_host host(language.model, samples);
    auto seen = tamp::calibration_for(tamp::score::wanda{});
    study::progress_bar bar;
    const bool is_complete =
        tamp::calibrate(tamp::execute::openmp{.threads = options.threads}, host, seen,
                        [&](const tamp::progress& p) {
                          bar.show(static_cast<double>(p.block) / static_cast<double>(p.blocks),
                                   "the text goes through the dense model");
                          return !is_stopped();
                        });
    bar.clear();
    if (!is_complete)
      refuse(model.is_folder ? model.folder : model.path_of(0),
             "calibration was stopped; nothing was written");
    tamp::io::named_norms norms(options.text);
    std::size_t k = 0;
    for (std::size_t block = 0; block < host.blocks(); ++block)
      host.visit_layers(block, [&](std::string_view name, auto&&) {
        const auto& statistic = seen.of<tamp::stat::column_norm>(k++);
        const std::string stored(name);
        norms.add(model.is_gguf ? llama::gguf_name(stored) : stored, statistic.values(),
                  statistic.tokens());
      });
    return norms;
  });
}

}  // namespace tamp_prune
