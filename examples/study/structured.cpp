#include "structured.hpp"

#include <algorithm>
#include <string_view>
#include <tamp/execute/openmp.hpp>
#include <utility>

namespace study {
namespace {

namespace structure = tamp::structure;
using llama::Index;

std::string name_of(std::size_t block, std::size_t l) {
  return llama::weight_name(Index(block), llama::layer_names[l]);
}
std::string part_name(std::size_t block, std::string_view part) {
  return llama::weight_name(Index(block), part, "");
}

structure::named_weights weights_of(const llama::model& m) {
  structure::named_weights all;
  for (std::size_t b = 0; b < m.blocks.size(); ++b)
    for (std::size_t l = 0; l < llama::layer_names.size(); ++l)
      all.add(name_of(b, l), m.blocks[b].weights[l]);
  return all;
}

std::size_t place_of(std::size_t block, std::size_t l) {
  return block * llama::layer_names.size() + l;
}

std::vector<double> scores_of(const llama::model& m, const structure::group& g, std::size_t block,
                              const structured_recipe& recipe, const structured_statistics& seen,
                              const structure::named_weights& weights) {
  const tamp::execute::openmp exec;
  const bool is_heads = g.kind == "heads";
  const llama::layer reader = is_heads ? llama::o_proj : llama::down_proj;
  if (recipe.score == "flap") {
    const auto& variance = seen.of<tamp::stat::column_variance>(place_of(block, reader));
    const auto channels =
        structure::channel_fluctuation(exec, m.blocks[block].weights[reader], variance.variances());
    return structure::standardised(channels,
                                   {.width = channels.size() / g.units, .squared = is_heads});
  }
  if (recipe.score == "magnitude") return structure::unit_norms(exec, g, weights);
  structure::input_norms norms;
  for (std::size_t l = 0; l < llama::layer_names.size(); ++l)
    norms[name_of(block, l)] = seen.of<tamp::stat::column_norm>(place_of(block, l)).values();
  return structure::unit_norms(exec, g, weights, norms);
}

llama::matrix gathered(const llama::matrix& w, const structure::kept_part& kept) {
  llama::matrix out(Index(kept.rows.size()), Index(kept.cols.size()));
  structure::gather(w, kept, out);
  return out;
}

}  // namespace

std::string label(const structured_recipe& recipe) {
  if (recipe.takes_layers) return "layers by block influence";
  return recipe.score + ", " + recipe.allocate + (recipe.compensates ? ", biases" : "");
}

structured_statistics observe_structure(const llama::model& dense,
                                        const std::vector<llama::calibration_sample>& samples,
                                        const tamp::progress_callback& on_progress) {
  llama::model copy = dense;
  llama::tamp_host host(copy, samples);
  structured_statistics seen;
  tamp::calibrate(tamp::execute::openmp{}, host, seen, on_progress);
  return seen;
}

structure::ties ties_of(const llama::model& m, const structured_recipe& recipe) {
  structure::ties all;
  if (recipe.takes_layers) {
    std::vector<std::vector<std::string>> of_layer(m.blocks.size());
    for (std::size_t b = 0; b < m.blocks.size(); ++b)
      for (std::size_t l = 0; l < llama::layer_names.size(); ++l)
        of_layer[b].push_back(name_of(b, l));
    all.groups.push_back(structure::layers("layers", std::move(of_layer)));
    return all;
  }
  for (std::size_t b = 0; b < m.blocks.size(); ++b) {
    const llama::block_size size = m.config.size_of(Index(b));
    all.groups.push_back(structure::key_value_heads(
        part_name(b, "attention"),
        {name_of(b, llama::q_proj), name_of(b, llama::k_proj), name_of(b, llama::v_proj),
         name_of(b, llama::o_proj)},
        {std::size_t(size.heads), std::size_t(size.kv_heads), std::size_t(m.config.head_dim)}));
  }
  for (std::size_t b = 0; b < m.blocks.size(); ++b)
    all.groups.push_back(structure::neurons(
        part_name(b, "ffn"),
        {name_of(b, llama::gate_proj), name_of(b, llama::up_proj), name_of(b, llama::down_proj)},
        std::size_t(m.config.size_of(Index(b)).ffn), recipe.multiple));
  return all;
}

structure::unit_plan plan_structure(const llama::model& dense, const structured_recipe& recipe,
                                    const structured_statistics& seen,
                                    const std::vector<double>& sparsities) {
  const structure::ties ties = ties_of(dense, recipe);
  const std::size_t blocks = dense.blocks.size();
  if (recipe.takes_layers) {
    std::vector<double> influence;
    for (std::size_t b = 0; b < blocks; ++b)
      influence.push_back(seen.of<tamp::stat::hidden_change>(place_of(b, 0)).influence());
    return structure::choose_each(ties, std::vector<std::vector<double>>{influence},
                                  std::vector{recipe.sparsity});
  }
  const structure::named_weights weights = weights_of(dense);
  std::vector<std::vector<double>> scores;
  for (std::size_t k = 0; k < ties.groups.size(); ++k)
    scores.push_back(scores_of(dense, ties.groups[k], k % blocks, recipe, seen, weights));
  if (recipe.allocate == "global")
    return structure::choose_globally(ties, weights.shapes(), scores, recipe.sparsity);
  std::vector<double> of_groups;
  for (std::size_t k = 0; k < ties.groups.size(); ++k)
    of_groups.push_back(sparsities.empty() ? recipe.sparsity : sparsities[k % blocks]);
  return structure::choose_each(ties, scores, of_groups);
}

llama::model without(const llama::model& dense, const structure::ties& ties,
                     const structure::unit_plan& plan, const structured_statistics* seen) {
  llama::model m{dense.config, {}, dense.ends};
  m.config.sizes.clear();
  m.config.output_bias = m.config.down_bias = seen != nullptr;
  for (std::size_t b = 0; b < dense.blocks.size(); ++b) {
    llama::block smaller{dense.blocks[b], {}};
    bool leaves = false;
    for (std::size_t l = 0; l < llama::layer_names.size(); ++l) {
      const llama::matrix& w = dense.blocks[b].weights[l];
      const auto kept = structure::kept_of(ties, plan, name_of(b, l),
                                           {std::size_t(w.rows()), std::size_t(w.cols())});
      leaves = leaves || kept.leaves;
      smaller.weights[l] = gathered(w, kept);
      if (auto& bias = smaller.biases[l]; bias.size() != 0) {
        const llama::row_vector whole = bias;
        bias.resize(Index(kept.rows.size()));
        for (std::size_t i = 0; i < kept.rows.size(); ++i)
          bias(Index(i)) = whole(Index(kept.rows[i]));
      }
      if (seen == nullptr || (l != llama::o_proj && l != llama::down_proj)) continue;
      const auto& inputs = seen->of<tamp::stat::column_variance>(place_of(b, l));
      const auto bias = structure::bias_of_dropped(w, inputs.means(), kept.cols);
      smaller.biases[l].resize(Index(bias.size()));
      std::transform(bias.begin(), bias.end(), smaller.biases[l].data(),
                     [](double value) { return float(value); });
    }
    if (leaves) continue;
    m.config.sizes.push_back({smaller.weights[llama::q_proj].rows() / dense.config.head_dim,
                              smaller.weights[llama::k_proj].rows() / dense.config.head_dim,
                              smaller.weights[llama::up_proj].rows()});
    m.blocks.push_back(std::move(smaller));
  }
  m.config.layers = Index(m.blocks.size());
  llama::check(m.config);
  return m;
}

std::size_t parameters(const llama::model& m) {
  std::size_t count = 0;
  for (const llama::block& b : m.blocks)
    for (const llama::matrix& w : b.weights) count += std::size_t(w.size());
  return count;
}

}  // namespace study
