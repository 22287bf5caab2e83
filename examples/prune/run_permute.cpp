#include "run_permute.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tamp/error.hpp>
#include <tamp/execute/openmp.hpp>
#include <tamp/io/norms_file.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/structure/permute.hpp>
#include <utility>
#include <vector>

#include "channels.hpp"
#include "decoder_blocks.hpp"
#include "file_weights.hpp"
#include "layout.hpp"
#include "model_files.hpp"
#include "model_ties.hpp"
#include "output_place.hpp"
#include "prune_files.hpp"
#include "recipes.hpp"
#include "sentences.hpp"
#include "side_files.hpp"
#include "smaller_folder.hpp"
#include "smaller_gguf.hpp"
#include "smaller_tensors.hpp"
#include "summary.hpp"
#include "text_norms.hpp"
#include "unfinished_folder.hpp"

namespace tamp_prune {
namespace {

namespace structure = tamp::structure;

std::optional<tamp::io::named_norms> norms_for(const settings& s, const model_files& model,
                                               const surroundings& around) {
  if (!s.statistics.empty()) return tamp::io::read_norms(s.statistics);
  if (s.text.empty()) return std::nullopt;
  check_is_read(model);
  return norms_of_text(model, {.text = s.text, .threads = s.threads}, around.is_stopped);
}

// The orders of all channels, and the sums of scores that stay of each kind of unit.
struct found_orders {
  std::vector<structure::unit_order> orders;
  struct kept {
    double before = 0, after = 0;
    std::size_t groups = 0;
  };
  std::map<std::string, kept> kinds;
};

// Orders the channels of one weight after another.
found_orders orders_of(const settings& s, const model_files& model,
                       const std::vector<channel>& channels,
                       const std::optional<tamp::io::named_norms>& norms,
                       const surroundings& around) {
  const tamp::execute::openmp exec{.threads = s.threads};
  const file_weights weights(model);
  found_orders found;
  const auto order = [&](const channel& c, const structure::dense<float>& weight,
                         const auto& recipe) {
    using score = typename std::remove_cvref_t<decltype(recipe)>::score_policy;
    if constexpr (tamp::detail::needs_statistic<score>) {
      const std::string_view name = name_in(*norms, c.reader);
      const auto seen = tamp::stat::column_norm::of(norms->of(name, weight.cols()), 1);
      return structure::order_units(exec, weight, seen, recipe, c.group, c.reader);
    } else {
      return structure::order_units(exec, weight, recipe, c.group, c.reader);
    }
  };
  std::string reader;
  structure::dense<float> weight(0, 0);
  for (const channel& c : channels) {
    if (around.is_stopped()) refuse(s.model, "was stopped; nothing was written");
    if (std::exchange(reader, c.reader) != c.reader)
      weights.visit(c.reader, [&](const auto& stored) {
        structure::dense<float> numbers(matrix_of(find_tensor(model, c.reader)).rows,
                                        matrix_of(find_tensor(model, c.reader)).cols);
        structure::permute(
            stored, structure::arrangement_of({}, {}, c.reader, {numbers.rows(), numbers.cols()}),
            numbers);
        std::swap(weight, numbers);
      });
    with_score(s, [&](const auto& score) {
      with_n_of_m(s, [&](const auto& pattern) {
        tamp::column_order answer = order(c, weight, tamp::compose(score, pattern));
        auto& kind = found.kinds[c.group.kind];
        kind.before += answer.before;
        kind.after += answer.after;
        ++kind.groups;
        found.orders.push_back({c.group.name, std::move(answer.order)});
      });
    });
  }
  return found;
}

// The norms of the same inputs in their new order.
tamp::io::named_norms permuted_norms(const tamp::io::named_norms& norms, const model_files& model,
                                     const structure::ties& ties,
                                     const std::vector<structure::unit_order>& orders) {
  tamp::io::named_norms moved(norms.origin());
  std::map<std::string, tamp::io::weight_norms> all(norms.begin(), norms.end());
  for (const tensor& t : model.tensors) {
    const auto found = all.find(std::string(name_in(norms, t.name)));
    const auto shape = matrix_of(t);
    if (found == all.end() || found->second.values.size() != shape.cols) continue;
    const auto places = structure::arrangement_of(ties, orders, t.name, shape);
    const std::vector<float> before = found->second.values;
    for (std::size_t j = 0; j < before.size(); ++j)
      found->second.values[j] = before[places.cols[j]];
  }
  for (auto& [name, of_weight] : all) moved.add(name, std::move(of_weight));
  for (const auto& [key, text] : norms.about()) moved.describe(key, text);
  return moved;
}

void print_orders(std::FILE* to, const settings& s, const found_orders& found,
                  const std::vector<std::string>& left) {
  for (const auto& [kind, k] : found.kinds)
    fmt::print(to, "{} in {} {}: {} keeps {:.2f} % more of the scores\n", kind, k.groups,
               k.groups == 1 ? "group" : "groups", s.pattern,
               k.before == 0 ? 0 : 100 * (k.after / k.before - 1));
  for (const std::string& line : left) fmt::print(to, "left as it is: {}\n", printable(line));
}

}  // namespace

int run_permute(const settings& s, const surroundings& around) {
  if (around.ranks.size() > 1)
    throw tamp::value_error("--permute is done by one process: start it without a launcher");
  const model_files model = find_model(s.model);
  const output_place place = place_of(s.out, model, resuming::never, s.overwrite);
  check_side_files(s, model, place);
  check_retype(s, model);
  std::unique_ptr<gguf_source> gguf;
  nlohmann::ordered_json config;
  if (model.is_gguf)
    gguf = std::make_unique<gguf_source>(model, "--permute");
  else
    config = read_config(model, "tells --permute of heads");
  const model_numbers numbers =
      gguf ? numbers_of_gguf(*gguf) : numbers_of_config(config, "--permute");
  const decoder_blocks decoder = find_blocks(model, "--permute");
  std::vector<std::string> left;
  const std::vector<channel> channels = channels_of(model, decoder, numbers, left);
  if (channels.empty())
    throw tamp::value_error(tamp::detail::sentence(
        "--permute: the model has no channels that could move; ", left.at(0),
        left.size() == 1 ? "" : tamp::detail::sentence(", and ", left.size() - 1, " more")));
  structure::ties ties;
  for (const channel& c : channels) ties.groups.push_back(c.group);
  structure::validate(ties, shapes_of(model));
  // Types that cannot be written are refused before the norms are made: all channels move.
  std::vector<structure::unit_order> reversed;
  for (const structure::group& g : ties.groups) {
    auto& order = reversed.emplace_back(structure::unit_order{g.name, {}}).order;
    for (std::size_t k = g.units; k-- > 0;) order.push_back(k);
  }
  permuted_tensors(model, ties, reversed, s.retype);

  const auto norms = norms_for(s, model, around);
  const found_orders found = orders_of(s, model, channels, norms, around);
  const auto tensors = permuted_tensors(model, ties, found.orders, s.retype);
  print_orders(around.output, s, found, left);
  check_printed(around.output);
  if (s.dry_run) return EXIT_SUCCESS;
  around.on_begin();
  if (!s.save_statistics.empty())
    tamp::io::save(s.save_statistics, permuted_norms(*norms, model, ties, found.orders));
  const bool is_written = in_sentences([&] {
    if (gguf)
      return write_gguf(place.out, model, *gguf,
                        changed_metadata(*gguf, unchanged(decoder), false, ""), tensors,
                        around.is_stopped);
    unfinished_folder folder(place);
    if (!write_folder(place.unfinished, model, tensors, config, {}, around.is_stopped))
      return false;
    folder.commit();
    return true;
  });
  return is_written ? EXIT_SUCCESS : stopped_before(place, around.errors);
}

}  // namespace tamp_prune
