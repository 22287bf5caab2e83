#include "run_structure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <llama/load_gguf.hpp>
#include <llama/tokenizer_json.hpp>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <tamp/error.hpp>
#include <tamp/io/detail/mapped_file.hpp>
#include <tamp/io/norms_file.hpp>
#include <tamp/io/unit_plan.hpp>
#include <vector>

#include "decoder_blocks.hpp"
#include "folder_vocabulary.hpp"
#include "gguf_vocabulary.hpp"
#include "layout.hpp"
#include "model_files.hpp"
#include "model_ties.hpp"
#include "output_place.hpp"
#include "sentences.hpp"
#include "side_files.hpp"
#include "smaller_folder.hpp"
#include "smaller_gguf.hpp"
#include "smaller_tensors.hpp"
#include "structure_scores.hpp"
#include "summary.hpp"
#include "text_norms.hpp"
#include "unfinished_folder.hpp"
#include "vocabulary.hpp"

namespace fs = std::filesystem;

namespace tamp_prune {
namespace {

namespace structure = tamp::structure;

std::optional<text_statistics> seen_by_layers(const settings& s, const model_files& model,
                                              const surroundings& around) {
  if (!s.text.empty()) {
    check_is_read(model);
    return statistics_of_text(model, {.text = s.text, .threads = s.threads}, around.is_stopped,
                              s.allocate == "das");
  }
  if (s.statistics.empty()) return std::nullopt;
  text_statistics seen{tamp::io::read_norms(s.statistics), {}, {}, {}};
  return seen;
}

// The tokens in order of their uses in the text that counts them.
token_ranking ranking_of(const settings& s, const model_files& model, const vocabulary& tokens) {
  const std::string& path = s.vocabulary_text.empty() ? s.text : s.vocabulary_text;
  if (!s.plan.empty()) return rank_tokens(tokens, std::vector<std::uint64_t>(tokens.size()));
  if (path.empty())
    throw tamp::value_error(
        "--structure vocabulary counts the uses of tokens in a text: it needs --vocabulary-text or "
        "--text");
  const tamp::detail::mapped_file text(path);
  try {
    const llama::tokenizer tokenizer =
        model.is_gguf ? llama::load_gguf_tokenizer(model.path_of(0).string())
                      : llama::read_tokenizer((model.folder / "tokenizer.json").string());
    return rank_tokens(tokens, counts_of(tokenizer.encode(text.text()), tokens.size()));
  } catch (const llama::error& problem) {
    throw tamp::value_error(tamp::detail::sentence("--structure vocabulary: ", problem.what()));
  }
}

// The contents of the output: metadata for a GGUF file, a configuration and other files for a folder.
struct smaller_model {
  std::vector<smaller_tensor> tensors;
  std::vector<metadata_pair> metadata;
  nlohmann::ordered_json config;
  changed_files files;
};

std::size_t numbers_in(const std::vector<smaller_tensor>& tensors) {
  std::size_t count = 0;
  for (const smaller_tensor& t : tensors)
    count += std::accumulate(t.shape.begin(), t.shape.end(), std::size_t{1}, std::multiplies<>());
  return count;
}

// Groups of one kind, and how many of their units stay.
void print_plan(std::FILE* to, const structure::unit_plan& plan) {
  struct sum {
    std::size_t kept = 0, units = 0, groups = 0, least = 0, most = 0;
  };
  std::vector<std::pair<std::string, sum>> kinds;
  for (const structure::unit_choice& c : plan.choices) {
    auto found = std::find_if(kinds.begin(), kinds.end(),
                              [&](const auto& entry) { return entry.first == c.kind; });
    if (found == kinds.end()) {
      kinds.push_back({c.kind, {0, 0, 0, c.kept.size(), c.kept.size()}});
      found = kinds.end() - 1;
    }
    sum& s = found->second;
    s.kept += c.kept.size();
    s.units += c.units;
    ++s.groups;
    s.least = std::min(s.least, c.kept.size());
    s.most = std::max(s.most, c.kept.size());
  }
  for (const auto& [kind, s] : kinds)
    fmt::print(to, "{} of {} {} stay{}\n", s.kept, s.units,
               kind == name_of(unit_kind::vocabulary) ? "tokens" : kind,
               s.groups == 1 ? ""
               : s.least == s.most
                   ? fmt::format(", {} in each of {} blocks", s.most, s.groups)
                   : fmt::format(", {} to {} in {} blocks", s.least, s.most, s.groups));
  for (const std::string& note : plan.notes) fmt::print(to, "{}\n", printable(note));
}

}  // namespace

int run_structure(const settings& s, const surroundings& around) {
  if (around.ranks.size() > 1)
    throw tamp::value_error("--structure is done by one process: start it without a launcher");
  const model_files model = find_model(s.model);
  const output_place place = place_of(s.out, model, resuming::never, s.overwrite);
  check_side_files(s, model, place);
  check_retype(s, model);
  std::vector<structure_request> requests;
  for (const std::string& text : s.structure) {
    requests.push_back(request_of(text));
    for (std::size_t k = 0; k + 1 < requests.size(); ++k)
      if (requests[k].kind == requests.back().kind)
        throw tamp::value_error(
            tamp::detail::sentence("--structure names ", name_of(requests[k].kind), " twice"));
    const structure_request& request = requests.back();
    if (s.allocate == "global" && leaves_blocks(request.kind) &&
        (request.fraction || request.count))
      throw tamp::value_error(tamp::detail::sentence(
          "--allocate global takes from all blocks what --sparsity says: name ",
          name_of(request.kind), " without an amount"));
  }
  // All that a format cannot say is found out before anything is computed or written.
  std::unique_ptr<gguf_source> gguf;
  nlohmann::ordered_json config;
  if (model.is_gguf) {
    gguf = std::make_unique<gguf_source>(model);
  } else {
    config = read_config(model);
    if (!s.architecture.empty()) throw tamp::value_error("--architecture is for GGUF files");
  }
  model_numbers numbers = gguf ? numbers_of_gguf(*gguf) : numbers_of_config(config);
  const decoder_blocks decoder = find_blocks(model);
  if (numbers.layers != decoder.blocks.size())
    throw tamp::value_error(tamp::detail::sentence("--structure: the model says that it has ",
                                                   numbers.layers, " layers, and its files have ",
                                                   decoder.blocks.size(), " blocks"));
  unit_statistics known;
  vocabulary tokens;
  if (std::any_of(requests.begin(), requests.end(),
                  [](const auto& r) { return r.kind == unit_kind::vocabulary; })) {
    const std::size_t rows =
        matrix_of(find_tensor(model, vocabulary_weights(model, decoder).front())).rows;
    tokens = gguf ? vocabulary_of_gguf(gguf->metadata(), rows)
                  : vocabulary_of_folder(model, config, rows);
    known.tokens = ranking_of(s, model, tokens);
    numbers.tokens_needed = std::max<std::size_t>(known.tokens->fewest, 1);
  }
  // A rehearsal and the run keep the same tokens: the files of the tokenizer are cut once.
  std::vector<std::size_t> tokens_of_files;
  changed_files files;
  const auto files_of = [&](const std::vector<std::size_t>& kept) {
    if (tokens_of_files != kept) {
      files = cut_files(model, tokens, kept);
      tokens_of_files = kept;
    }
    return files;
  };
  const structure::ties ties = ties_of(model, decoder, numbers, requests, s.multiple);
  const auto made_smaller = [&](const structure::unit_plan& plan) {
    const structure_change change = change_of(model, decoder, numbers, plan);
    smaller_model made{smaller_tensors(model, decoder, ties, plan, s.retype), {}, {}, {}};
    if (!change.tokens.empty()) {
      check_closed(tokens, change.tokens);
      if (!gguf) made.files = files_of(change.tokens);
    }
    if (gguf)
      made.metadata = changed_metadata(*gguf, change, s.compensate, s.architecture, tokens);
    else
      made.config = changed_config(config, change, s.compensate);
    return made;
  };
  // Statistics of a text take minutes.
  if (!s.text.empty() && s.plan.empty())
    made_smaller(rehearsed_units(s, model, decoder, ties, requests, known));
  known.seen = seen_by_layers(s, model, around);
  const structure::unit_plan plan = choose_units(s, model, decoder, ties, requests, known);
  smaller_model made = made_smaller(plan);
  if (s.compensate) add_biases(made.tensors, model, decoder, ties, plan, *known.seen);

  std::size_t before = 0;
  for (const tensor& t : model.tensors) before += t.size();
  std::uint64_t bytes = 0;
  for (const smaller_tensor& t : made.tensors) bytes += length_of(t, model);
  const std::size_t after = numbers_in(made.tensors);
  fmt::print(around.output, "{}: {:.1f} MB, {:.1f} million numbers\n", printable(s.model),
             static_cast<double>(model.bytes()) / 1e6, static_cast<double>(before) / 1e6);
  print_plan(around.output, plan);
  for (const auto& [name, content] : made.files)
    if (!content)
      fmt::print(around.output, "left out: {}, which says what the old tokens are\n",
                 printable(name.string()));
  if (!s.compensate && s.score == "flap")
    fmt::print(around.output,
               "what left gave its mean to the outputs; --compensate writes it as "
               "biases where the format has them\n");
  fmt::print(around.output, "{:.1f} MB and {:.1f} million numbers ({:.1f} %) {}\n",
             static_cast<double>(bytes) / 1e6, static_cast<double>(after) / 1e6,
             100 * static_cast<double>(after) / static_cast<double>(before),
             s.dry_run ? "would stay" : "stay");
  check_printed(around.output);
  around.on_begin();
  if (!s.save_plan.empty()) tamp::io::save(s.save_plan, plan);
  if (s.dry_run) return EXIT_SUCCESS;
  const bool is_written = in_sentences([&] {
    if (gguf)
      return write_gguf(place.out, model, *gguf, made.metadata, made.tensors, around.is_stopped);
    unfinished_folder folder(place);
    if (!write_folder(place.unfinished, model, made.tensors, made.config, made.files,
                      around.is_stopped))
      return false;
    folder.commit();
    return true;
  });
  return is_written ? EXIT_SUCCESS : stopped_before(place, around.errors);
}

}  // namespace tamp_prune
