#include "text_norms.hpp"

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <llama/load_folder.hpp>
#include <llama/tamp_host.hpp>
#include <tamp/error.hpp>
#include <tamp/execute/openmp.hpp>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/io/gguf_header.hpp>
#include <tamp/model/linear_layers.hpp>
#include <tamp/prune/calibrate.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/column_variance.hpp>
#include <tamp/stat/hidden_change.hpp>
#include <tamp/stat/pairwise.hpp>
#include <tuple>
#include <utility>
#include <vector>

#include "../study/progress_bar.hpp"
#include "message.hpp"
#include "sentences.hpp"
#include "text_model.hpp"

namespace tamp_prune {
namespace {

// Sums of sequences in a fixed tree, so that it does not matter which rank has which.
using norm_parts = tamp::stat::pairwise<tamp::stat::column_norm>;
using calibration_parts = tamp::calibration<norm_parts>;

calibration_parts parts_from(std::uint64_t first) {
  return calibration_parts(std::tuple(norm_parts({}, first)));
}

// Puts the parts of all ranks together, on the first one. `mine` is complete, or has no sequences.
// Collective.
tamp::calibration<tamp::stat::column_norm> total_of(const calibration_parts& mine,
                                                    bool has_sequences, llama::tamp_host& host,
                                                    const team& ranks) {
  if (ranks.size() == 1) return mine.totals();
  message parts;
  if (has_sequences) mine.fields(mine, [&](auto&&, const auto& value) { parts.add(value); });
  const auto texts = ranks.gather(parts.text());
  if (!ranks.is_first()) return {};
  calibration_parts blank = parts_from(0), all;
  blank.prepare(tamp::execute::openmp{}, host);
  blank.resume_at(blank.blocks());
  for (const std::string& text : texts) {
    if (text.empty()) continue;
    message of_rank(text);
    calibration_parts next = blank;
    next.fields(next, [&](auto&&, auto& value) { of_rank.take(value); });
    next.validate("the statistics of another rank");
    all.layers() == 0 ? void(all = std::move(next)) : void(all.combine(next));
  }
  return all.totals();
}

// Gives all ranks the norms of the first one. Collective.
void broadcast(tamp::io::named_norms& norms, const team& ranks) {
  if (ranks.size() == 1) return;
  message all;
  for (const auto& [name, of_weight] : norms) {
    all.add(name);
    all.add(of_weight.values);
    all.add(of_weight.tokens);
  }
  std::string text = all.text();
  ranks.broadcast(text);
  if (ranks.is_first()) return;
  for (message from(std::move(text)); !from.is_at_end();) {
    std::string name;
    tamp::io::weight_norms of_weight;
    from.take(name);
    from.take(of_weight.values);
    from.take(of_weight.tokens);
    of_weight.columns = of_weight.values.size() / of_weight.matrices();
    norms.add(std::move(name), std::move(of_weight));
  }
}

// The sizes that decide the memory of a model, beside those of its tensors.
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
                                    const std::function<bool()>& is_stopped, const team& ranks) {
  return with_engine([&] {
    text_model mine = load_text_model(model, options, ranks);
    const auto& samples = mine.samples;
    llama::tamp_host host(mine.language.model, samples);
    auto parts = parts_from(mine.sequences.first);
    study::progress_bar bar;
    const bool is_complete = ranks.in_steps(is_stopped, [&](const team::question& is_stopped_here) {
      if (samples.empty()) return true;
      return tamp::calibrate(tamp::execute::openmp{.threads = options.threads}, host, parts,
                             [&](const tamp::progress& p) {
                               if (ranks.is_first())
                                 bar.show(
                                     static_cast<double>(p.block) / static_cast<double>(p.blocks),
                                     "the text goes through the dense model");
                               return !is_stopped_here();
                             });
    });
    bar.clear();
    if (!is_complete)
      refuse(model.is_folder ? model.folder : model.path_of(0),
             "calibration was stopped; nothing was written");
    const auto seen = total_of(parts, !samples.empty(), host, ranks);
    tamp::io::named_norms norms(options.text);
    if (ranks.is_first())
      for (std::size_t k = 0; k < seen.layers(); ++k) {
        const auto& statistic = seen.of<tamp::stat::column_norm>(k);
        norms.add(text_model::name_in(model, seen.name(k)), statistic.values(), statistic.tokens());
      }
    broadcast(norms, ranks);
    return norms;
  });
}

namespace {

template <class... Further>
text_statistics statistics_with(const model_files& model, const text_options& options,
                                const std::function<bool()>& is_stopped) {
  using tamp::stat::column_norm, tamp::stat::column_variance, tamp::stat::hidden_change;
  return with_engine([&] {
    text_model all = load_text_model(model, options);
    llama::tamp_host host(all.language.model, all.samples);
    tamp::calibration<column_norm, column_variance, hidden_change, Further...> seen;
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
    text_statistics statistics{tamp::io::named_norms(options.text), {}, {}, {}};
    const std::size_t of_block = seen.layers() / host.blocks();
    for (std::size_t k = 0; k < seen.layers(); ++k) {
      const std::string name = text_model::name_in(model, seen.name(k));
      const auto& norms = seen.template of<column_norm>(k);
      statistics.norms.add(name, norms.values(), norms.tokens());
      statistics.variances.emplace(name, seen.template of<column_variance>(k));
      (statistics.diversities.emplace(name, seen.template of<Further>(k)), ...);
      if (k % of_block == 0)
        statistics.influence.push_back(seen.template of<hidden_change>(k).influence());
    }
    return statistics;
  });
}

}  // namespace

text_statistics statistics_of_text(const model_files& model, const text_options& options,
                                   const std::function<bool()>& is_stopped, bool with_diversities) {
  if (with_diversities)
    return statistics_with<tamp::stat::token_diversity>(model, options, is_stopped);
  return statistics_with<>(model, options, is_stopped);
}

}  // namespace tamp_prune
