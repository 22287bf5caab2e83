#include "text_norms.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <llama/load_gguf.hpp>
#include <llama/quality.hpp>
#include <llama/tamp_host.hpp>
#include <span>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/execute/openmp.hpp>
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

}  // namespace

tamp::io::named_norms norms_of_text(const std::string& model, const text_options& options,
                                    const std::function<bool()>& is_stopped) {
  try {
    llama::language_model language = llama::load_gguf(model);
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
    if (!is_complete) refuse(model, "calibration was stopped; nothing was written");
    tamp::io::named_norms norms(options.text);
    std::size_t k = 0;
    for (std::size_t block = 0; block < host.blocks(); ++block)
      host.visit_layers(block, [&](std::string_view name, auto&&) {
        const auto& statistic = seen.of<tamp::stat::column_norm>(k++);
        norms.add(llama::gguf_name(std::string(name)), statistic.values(), statistic.tokens());
      });
    return norms;
  } catch (const llama::error& problem) {
    throw tamp::value_error(tamp::detail::sentence("--text: ", problem.what()));
  }
}

}  // namespace tamp_prune
