#include "block_sparsities.hpp"

#include <cstddef>
#include <string_view>
#include <tamp/allocate/das.hpp>
#include <tamp/error.hpp>
#include <tamp/execute/openmp.hpp>
#include <tamp/pattern/per_row.hpp>
#include <tamp/prune/calibrate.hpp>
#include <tamp/prune/compose.hpp>
#include <tamp/prune/plan.hpp>
#include <tamp/score/magnitude.hpp>
#include <tamp/stat/token_diversity.hpp>
#include <utility>

#include "file_host.hpp"
#include "layers.hpp"
#include "prune_files.hpp"

namespace tamp_prune {
namespace {

// The linear layers of the decoder, of all types that can be read.
layer_list layers_of(const model_files& model, const decoder_blocks& decoder) {
  layer_list all = choose_layers(model, {.only = {}, .exclude = {}, .may_retype = true});
  std::erase_if(all.blocks, [&](const block& b) {
    return b.layers.empty() || b.number >= decoder.blocks.size() ||
           !b.layers.front().name.starts_with(decoder.name(b.number) + '.');
  });
  return all;
}

// Weights are not judged here as units are: OWL's own score is Wanda's, where inputs are known.
tamp::pruning_plan plan_by_owl(const settings& s, const model_files& model,
                               const layer_list& layers, file_host& host,
                               const std::optional<text_statistics>& seen, double sparsity) {
  settings of_weights = s;
  of_weights.sparsity = sparsity;
  of_weights.score = s.score == "magnitude" ? "magnitude" : "wanda";
  std::optional<norms> of_layers;
  if (of_weights.reads_norms()) of_layers = norms_of_layers(seen.value().norms, model, layers);
  return make_plan(of_weights, host, of_layers);
}

tamp::pruning_plan plan_by_das(const settings& s, file_host& host, const text_statistics& seen,
                               double sparsity) {
  const auto of_layers = tamp::calibration_from<tamp::stat::token_diversity>(
      host, [&](std::string_view name, std::size_t, std::size_t) {
        const auto found = seen.diversities.find(name);
        if (found == seen.diversities.end())
          throw tamp::value_error(tamp::detail::sentence(
              "--allocate das: the text was sent through a model that has no layer ", name));
        return found->second;
      });
  tamp::plan_options options;
  options.exclude.clear();
  return tamp::plan(tamp::execute::openmp{.threads = s.threads}, host, of_layers,
                    tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                  tamp::allocate::das{.sparsity = sparsity}),
                    options);
}

}  // namespace

block_sparsities distribute_over_blocks(const settings& s, const model_files& model,
                                        const decoder_blocks& decoder,
                                        const std::optional<text_statistics>& seen,
                                        double sparsity) {
  const layer_list layers = layers_of(model, decoder);
  file_host host(model, layers, 1);
  tamp::pruning_plan plan = s.allocate == "das"
                                ? plan_by_das(s, host, seen.value(), sparsity)
                                : plan_by_owl(s, model, layers, host, seen, sparsity);
  std::vector<double> dropped(decoder.blocks.size()), sizes(decoder.blocks.size());
  for (const tamp::planned_layer& l : plan.layers) {
    const std::size_t n = layers.blocks[l.block].number;
    dropped[n] += static_cast<double>(l.size()) * l.sparsity;
    sizes[n] += static_cast<double>(l.size());
  }
  block_sparsities all{{}, std::move(plan.notes)};
  for (std::size_t n = 0; n < sizes.size(); ++n)
    all.of_block.push_back(sizes[n] == 0 ? sparsity : dropped[n] / sizes[n]);
  return all;
}

}  // namespace tamp_prune
