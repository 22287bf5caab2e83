#include "prune_refined.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <tamp/detail/large_array.hpp>
#include <tamp/execute/openmp.hpp>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/prune/calibrate.hpp>
#include <tamp/prune/detail/running_report.hpp>
#include <tamp/prune/prune_model.hpp>
#include <tamp/refine/dsnot.hpp>
#include <tamp/refine/repair.hpp>
#include <tamp/stat/gram.hpp>
#include <tamp/stat/joint.hpp>
#include <tamp/stat/sequence_moments.hpp>
#include <type_traits>
#include <utility>

#include "../study/swaps_if_any.hpp"
#include "input_statistics.hpp"
#include "recipes.hpp"
#include "refinement.hpp"
#include "stored_rows.hpp"

namespace tamp_prune {
namespace {

using tamp::stat::column_norm, tamp::stat::gram, tamp::stat::sequence_moments;

// Calls use(recipe) with the recipe of a refinement that reads such statistics.
template <class Statistic, class Use>
auto with_refined_recipe(const settings& s, const Use& use) {
  const refinement asked = refinement_of(s.refine);
  return with_score(s, [&](const auto& score) {
    if constexpr (std::is_same_v<Statistic, gram>) {
      const study::swaps_if_any swaps{{.per_row = asked.swaps.value_or(0)}};
      const tamp::refine::repair repair;
      if (s.is_block())  // of which single weights are not swapped
        return with_block(
            s, [&](const auto&... shape) { return use(tamp::compose(score, shape..., repair)); });
      return with_single_weights(s, [&](const auto&... shape) {
        if (asked.repairs) return use(tamp::compose(score, shape..., swaps, repair));
        return use(tamp::compose(score, shape..., swaps));
      });
    } else {
      if (s.pattern == "per_tensor")
        return use(tamp::compose(score, tamp::pattern::per_tensor{},
                                 tamp::allocate::uniform{s.sparsity_or_default()},
                                 tamp::refine::dsnot{}));
      return use(tamp::compose(score, tamp::pattern::per_row{},
                               tamp::allocate::uniform{s.sparsity_or_default()},
                               tamp::refine::dsnot{}));
    }
  });
}

// One layer of files as a model, in as many blocks as its own is the last of.
class layer_host {
 public:
  // Nothing is in place before all is written.
  static constexpr bool writes_when_finished = true;

  layer_host(const tamp::detail::readable_file& file, const tensor& t, const layer& l,
             std::size_t block)
      : tensor_(t), layer_(l), block_(block), bytes_(l.length) {
    if (is_retyped()) new_bytes_ = tamp::detail::large_array<std::byte>(l.new_length);
    file.read(l.offset, {bytes_.data(), l.length});
  }

  std::size_t blocks() const { return block_ + 1; }
  void visit_shapes(std::size_t block, auto&& visit) const {
    if (block == block_) visit(layer_.name, layer_.rows, layer_.cols);
  }
  void visit_layers(std::size_t block, auto&& visit) {
    if (block != block_) return;
    if (tensor_.kind == number::f64) return visit(layer_.name, view_of<double>());
    stored_rows rows(form(), layer_.name);
    visit(layer_.name, rows);
    rows.finish();
  }
  // As they are written.
  std::span<const std::byte> bytes() const {
    return {is_retyped() ? new_bytes_.data() : bytes_.data(), layer_.new_length};
  }

 private:
  bool is_retyped() const { return layer_.new_type != tensor_.ggml_type; }

  stored_rows::form form() {
    switch (tensor_.kind) {
      case number::f32:
        return view_of<float>();
      case number::f16:
        return view_of<tamp::f16>();
      case number::bf16:
        return view_of<tamp::bf16>();
      default:  // blocks
        const tamp::io::ggml_rows rows(tensor_.ggml_type, std::span(bytes_.data(), layer_.length),
                                       layer_.rows, layer_.cols, layer_.name);
        if (!is_retyped()) return rows;
        return retyped_rows(rows, {layer_.new_type, std::span(new_bytes_.data(), layer_.new_length),
                                   layer_.rows, layer_.cols, layer_.name});
    }
  }
  template <class T>
  tamp::matrix_view<T> view_of() {
    auto* const data = reinterpret_cast<T*>(bytes_.data());
    const auto stored_cols =
        static_cast<std::ptrdiff_t>(layer_.is_transposed ? layer_.rows : layer_.cols);
    if (layer_.is_transposed) return {data, layer_.rows, layer_.cols, 1, stored_cols};
    return {data, layer_.rows, layer_.cols, stored_cols, 1};
  }

  const tensor& tensor_;
  const layer& layer_;
  std::size_t block_;
  tamp::detail::large_array<std::byte> bytes_, new_bytes_;
};

// A layer by itself, in the model's blocks up to its own.
share alone(const layer& l, const tamp::planned_layer& planned, const tamp::pruning_plan& of_all) {
  share one;
  one.layers.blocks.resize(planned.block + 1);
  one.layers.blocks.back().layers.push_back(l);
  one.plan = of_all;
  one.plan.layers.assign(1, planned);
  return one;
}

template <class Statistic>
class refiner_by : public layer_refiner {
 public:
  refiner_by(const settings& s, const model_files& model, std::uint64_t room)
      : settings_(s),
        model_(model),
        room_(room),
        inputs_(statistics_of_inputs<Statistic>(s, model)) {
    for (std::size_t k = 0; k < model.weights.size(); ++k) files_.emplace_back(model.path_of(k));
  }

  void check(const share& all) override {
    std::size_t k = 0;
    all.layers.visit([&](const layer& l) {
      if (all.plan.layers[k++].is_pruned()) inputs_->check(l);
    });
  }

  bool prune(const share& mine, const std::optional<norms>& seen, tamp::prune_report& report,
             const layer_writer& write, const std::function<bool()>& is_stopped) override {
    std::size_t k = 0;  // among this rank's layers
    for (const block& b : mine.layers.blocks) {
      std::vector<layer> wanted;
      for (std::size_t j = 0; j < b.layers.size(); ++j)
        if (mine.plan.layers[k + j].is_pruned()) wanted.push_back(b.layers[j]);
      const auto groups = groups_within(
          room_, wanted, [&](const layer& l) { return inputs_->input_of(l); },
          [](const layer& l) { return bytes_of_statistic<Statistic>(l.cols); });
      auto next = groups.begin();
      std::size_t held = 0;  // layers of the present group that are not done
      for (const layer& l : b.layers) {
        const tamp::planned_layer& planned = mine.plan.layers[k];
        if (planned.is_pruned()) {
          if (held == 0) {
            if (!inputs_->hold(*next, is_stopped)) return false;
            held = next++->size();
          }
          --held;
        }
        if (is_stopped()) return false;
        const column_norm* const norm = seen ? &seen->template of<column_norm>(k) : nullptr;
        if (!prune_layer(alone(l, planned, mine.plan), norm, report, write)) return false;
        ++k;
      }
    }
    return true;
  }

 private:
  bool prune_layer(const share& one, const column_norm* norm, tamp::prune_report& report,
                   const layer_writer& write) {
    const tamp::planned_layer& planned = one.plan.layers.front();
    const layer& l = one.layers.blocks.back().layers.front();
    const bool saw_any = planned.is_pruned() && inputs_->of(l).tokens() != 0 &&
                         (norm == nullptr || norm->tokens() != 0);
    tamp::prune_report own;
    const auto keep = [&](std::span<const std::byte> bytes) {
      write(l, own.layers.front(), bytes);
      report.layers.push_back(own.layers.front());
    };
    if (saw_any) {
      layer_host host(files_[model_.tensors[l.tensor].file], model_.tensors[l.tensor], l,
                      planned.block);
      if (!refine(host, one.plan, l, norm, own)) return false;
      keep(host.bytes());
      return true;
    }
    file_host host(model_, one.layers, 1);
    host.on_finish = [&](const layer&) -> file_host::write_function { return keep; };
    if (!prune_blind(settings_, host, one.plan, own)) return false;
    host.flush();
    return true;
  }

  bool refine(layer_host& host, const tamp::pruning_plan& plan, const layer& l,
              const column_norm* norm, tamp::prune_report& own) const {
    const tamp::execute::openmp exec{.threads = settings_.threads};
    return with_refined_recipe<Statistic>(settings_, [&](const auto& recipe) {
      using needed = tamp::detail::needed_statistic_of<
          typename std::remove_cvref_t<decltype(recipe)>::score_policy>;
      const auto seen =
          tamp::calibration_from<needed>(host, [&](std::string_view, std::size_t, std::size_t) {
            if constexpr (std::is_same_v<needed, Statistic>)
              return inputs_->of(l);
            else
              return needed(*norm, inputs_->of(l));
          });
      return tamp::prune_model(exec, host, seen, plan, recipe, own);
    });
  }

  settings settings_;
  const model_files& model_;
  std::uint64_t room_;
  std::vector<tamp::detail::readable_file> files_;
  std::unique_ptr<input_statistics<Statistic>> inputs_;
};

}  // namespace

std::unique_ptr<layer_refiner> refiner_for(const settings& s, const model_files& model,
                                           std::uint64_t room) {
  if (refinement_of(s.refine).reads_grams())
    return std::make_unique<refiner_by<gram>>(s, model, room);
  return std::make_unique<refiner_by<sequence_moments>>(s, model, room);
}

std::vector<std::vector<layer>> groups_within(
    std::uint64_t room, const std::vector<layer>& of_block,
    const std::function<std::size_t(const layer&)>& input_of,
    const std::function<std::uint64_t(const layer&)>& bytes_of) {
  std::vector<std::vector<layer>> groups;
  std::set<std::size_t> inputs;  // of the last group
  std::uint64_t bytes = 0;
  for (const layer& l : of_block) {
    const std::size_t input = input_of(l);
    const std::uint64_t more = inputs.contains(input) ? 0 : bytes_of(l);
    if (groups.empty() || (more != 0 && (bytes > room || more > room - bytes))) {
      groups.emplace_back();
      inputs.clear();
      bytes = 0;
    }
    if (inputs.insert(input).second) bytes += bytes_of(l);
    groups.back().push_back(l);
  }
  return groups;
}

void complete_refined_report(const settings& s, const tamp::pruning_plan& plan,
                             tamp::prune_report& report) {
  const auto complete = [&](const auto& recipe) {
    const tamp::progress_callback none;
    std::size_t blocks = 0;
    for (const tamp::planned_layer& l : plan.layers) blocks = std::max(blocks, l.block + 1);
    tamp::detail::running_report running(
        plan, report, none, blocks,
        {recipe.label(), tamp::label(recipe.score), tamp::label(recipe.pattern)});
    running.begin();
    running.note_counts();
  };
  if (refinement_of(s.refine).reads_grams())
    with_refined_recipe<gram>(s, complete);
  else
    with_refined_recipe<sequence_moments>(s, complete);
}

}  // namespace tamp_prune
