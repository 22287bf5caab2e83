#include "run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <tamp/error.hpp>
#include <tamp/io/norms_file.hpp>
#include <tamp/io/prune_report.hpp>
#include <tamp/io/pruning_plan.hpp>
#include <utility>
#include <vector>

#include "file_host.hpp"
#include "layers.hpp"
#include "layout.hpp"
#include "masks.hpp"
#include "memory.hpp"
#include "model_files.hpp"
#include "output_place.hpp"
#include "packed_files.hpp"
#include "progress.hpp"
#include "prune_files.hpp"
#include "prune_refined.hpp"
#include "run_permute.hpp"
#include "run_structure.hpp"
#include "sentences.hpp"
#include "shares.hpp"
#include "side_files.hpp"
#include "summary.hpp"
#include "team.hpp"
#include "text_norms.hpp"
#include "unfinished_output.hpp"

namespace fs = std::filesystem;

namespace tamp_prune {
namespace {

// The files that this rank copies, of those that are not copied yet.
std::vector<std::size_t> files_to_copy(const layout& files, const unfinished_output& out,
                                       const team& ranks) {
  std::vector<std::size_t> mine;
  for (std::size_t k = ranks.rank(); k < files.size(); k += ranks.size())
    if (!out.is_copied(k)) mine.push_back(k);
  return mine;
}
std::uint64_t bytes_to_copy(const layout& files, const unfinished_output& out, const team& ranks) {
  std::uint64_t bytes = 0;
  for (const std::size_t k : files_to_copy(files, out, ranks))
    for (const copied_range& range : files[k].copied) bytes += range.length;
  return bytes;
}

// Copies all bytes of this rank's files that belong to no layer. Returns false if the user stopped
// it.
bool copy_rest(const model_files& model, const layout& files, const file_host& host,
               unfinished_output& out, progress& shown, const surroundings& around) {
  std::vector<std::byte> buffer(std::size_t{1} << 22);
  for (const std::size_t k : files_to_copy(files, out, around.ranks)) {
    if (around.is_stopped()) return false;
    out.write(k, 0, files[k].header);
    for (const copied_range& range : files[k].copied)
      for (std::uint64_t done = 0; done < range.length;) {
        const auto piece = std::span(buffer).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), range.length - done)));
        host.file(k).read(range.from + done, piece);
        out.write(k, range.to + done, piece);
        done += piece.size();
        shown.add(piece.size(), model.weights[k].string());
        if (around.is_stopped()) return false;
      }
    out.note_copied(k);
  }
  return true;
}

nlohmann::ordered_json states_of(const model_files& model) {
  nlohmann::ordered_json states;
  for (std::size_t k = 0; k < model.weights.size(); ++k)
    states.push_back(fs_state(model.path_of(k)));
  for (const fs::path& other : model.others) states.push_back(fs_state(model.folder / other));
  return states;
}

// All that the output depends on. A run that was interrupted goes on only with the same.
nlohmann::ordered_json run_of(const settings& s, const model_files& model,
                              const tamp::pruning_plan& plan) {
  nlohmann::ordered_json run{{"tamp_prune", 1}, {"score", s.score}, {"pattern", s.pattern}};
  const std::string& source = s.text.empty() ? s.statistics : s.text;
  // The model is too large to be read for this. Statistics may be written anew, or lie elsewhere.
  run["statistics"] = source.empty() ? nlohmann::ordered_json("") : contents_state(source);
  run["model"] = states_of(model);
  run["retype"] = s.retype;
  run["refine"] = s.refine;
  run["layout"] = s.packed ? "packed" : "dense";
  run["plan"] = plan;
  return run;
}

// Ranks on several machines may see different files under one name. Collective.
void check_same_model(const model_files& model, const team& ranks) {
  nlohmann::ordered_json seen;
  for (std::size_t k = 0; k < model.weights.size(); ++k) {
    auto state = fs_state(model.path_of(k));
    state.erase("name");  // which may differ by where file systems are mounted
    seen.push_back(std::move(state));
  }
  std::string mine = seen.dump(), of_first = mine;
  ranks.broadcast(of_first);
  if (mine != of_first)
    refuse(model.path_of(0),
           "or a file beside it differs from what the first rank sees: all ranks "
           "must see the same file system");
}

// A pipe would keep us waiting, and would be empty when it is read again.
void check_files_to_read(const settings& s) {
  in_sentences([&] {
    for (const std::string& path : {s.statistics, s.text, s.plan})
      if (!path.empty() && fs::exists(path) && !fs::is_regular_file(path))
        refuse(path, "is not a regular file");
  });
}

// The norms from a file, or from a text that the model reads; nothing if the score reads none.
// Collective.
std::optional<tamp::io::named_norms> statistics_for(const settings& s, const model_files& model,
                                                    const surroundings& around) {
  if (!s.reads_norms() && s.save_statistics.empty()) return std::nullopt;
  if (!s.statistics.empty()) return tamp::io::read_norms(s.statistics);
  if (s.text.empty()) return std::nullopt;
  auto norms =
      norms_of_text(model, {.text = s.text, .threads = s.threads}, around.is_stopped, around.ranks);
  if (!s.save_statistics.empty() && around.ranks.is_first())
    tamp::io::save(s.save_statistics, norms);
  if (!s.reads_norms()) return std::nullopt;
  return norms;
}

layout layout_for(const settings& s, const model_files& model, layer_list& layers) {
  if (s.retype.empty()) return same_layout(model, layers);
  check_retype(s, model);
  return retyped_layout(model, layers, s.retype == "q8_0" ? "Q8_0" : "F16",
                        s.names.changes_weights);
}

// The plan is made by the first rank. Collective.
tamp::pruning_plan shared_plan(const settings& s, const model_files& model,
                               const layer_list& layers, std::size_t places,
                               const std::optional<norms>& seen, const surroundings& around) {
  const team& ranks = around.ranks;
  tamp::pruning_plan plan;
  std::string text;
  ranks.on_first([&] {
    file_host host(model, layers, places);
    plan = make_plan(s, host, seen);
    if (ranks.size() > 1) text = nlohmann::ordered_json(plan).dump();
  });
  if (ranks.size() == 1) return plan;
  ranks.broadcast(text);
  return nlohmann::ordered_json::parse(text).get<tamp::pruning_plan>();
}

// The part of the output that a rank writes.
struct work_of_rank {
  const model_files& model;
  const layout& files;
  const share& mine;
  const std::optional<norms>& seen;
  std::size_t places;      // layers in memory at a time
  layer_refiner* refiner;  // null: masks are those of the score
};

// Writes this rank's part of all that is missing. The report tells of its layers. Returns false if
// the user stopped it.
bool write_share(const settings& s, const work_of_rank& work, unfinished_output& out,
                 tamp::prune_report& report, const surroundings& around) {
  const auto& [model, files, mine, seen, places, refiner] = work;
  progress shown(mine.bytes() + bytes_to_copy(files, out, around.ranks), around.ranks.is_first(),
                 around.on_progress);
  file_host host(model, mine.layers, places);
  // The second thread must not write any more when an error leaves.
  const struct at_end {
    file_host& host;
    ~at_end() { host.abandon(); }
  } waits_for_writes{host};
  const auto write = [&](const layer& l, const tamp::layer_report& done,
                         std::span<const std::byte> bytes) {
    out.write(model.tensors[l.tensor].file, l.new_offset, bytes);
    out.note_layer(done);
    shown.add(l.length, l.name);
  };
  host.on_finish = [&](const layer& l) -> file_host::write_function {
    return [&, done = report.layers.back()](std::span<const std::byte> bytes) {
      write(l, done, bytes);
    };
  };
  if (!copy_rest(model, files, host, out, shown, around)) return false;
  const auto prune_mine = [&] {
    if (mine.plan.layers.empty()) return true;
    if (refiner != nullptr) return refiner->prune(mine, seen, report, write, around.is_stopped);
    return prune(s, host, seen, mine.plan, report,
                 [&](const tamp::progress&) { return !around.is_stopped(); });
  };
  const bool is_complete = prune_mine();
  host.flush();
  out.sync();
  return is_complete;
}

// The reports of all layers in the order of the plan, on the first rank. Collective.
std::vector<tamp::layer_report> all_reports(const tamp::pruning_plan& plan, layer_reports done,
                                            const std::vector<tamp::layer_report>& mine,
                                            const team& ranks) {
  std::string text;
  ranks.together([&] {
    const nlohmann::ordered_json json = mine;
    text = json.dump();
  });
  std::vector<tamp::layer_report> all;
  for (const std::string& of_rank : ranks.gather(text))
    for (auto& layer :
         nlohmann::ordered_json::parse(of_rank).get<std::vector<tamp::layer_report>>()) {
      std::string name = layer.name;
      done.insert_or_assign(std::move(name), std::move(layer));
    }
  if (!ranks.is_first()) return all;
  for (const tamp::planned_layer& layer : plan.layers) all.push_back(done.at(layer.name));
  return all;
}

// Makes of the pruned files what else was asked for. Returns false if the user stopped it.
bool finish_model(const settings& s, const model_files& model, const layer_list& layers,
                  unfinished_output& out, const tamp::prune_report& report,
                  const surroundings& around) {
  const output_place& place = out.place();
  const auto pruned = [&](std::size_t k) { return place.pruned(model, k); };
  const auto has_masks = [&] {
    return fs::exists(s.masks) && fs_state(s.masks) == out.masks_written();
  };
  if (!s.masks.empty() && !has_masks()) {
    if (!write_masks(s.masks, model, layers, pruned, around)) return false;
    out.note_masks(fs_state(s.masks));
  }
  if (!s.packed || out.is_complete()) return true;
  return write_packed(model, layers, {place.files(), place.packed()},
                      {sparsity_of_files(model, report), s.pattern}, report, around);
}

// The size of all weights that were written.
std::uint64_t bytes_written(const model_files& model, const output_place& place) {
  std::uint64_t bytes = 0;
  in_sentences([&] {
    for (std::size_t k = 0; k < model.weights.size(); ++k)
      bytes += fs::file_size(place.written(model, k));
  });
  return bytes;
}

}  // namespace

int run(const settings& s, const surroundings& around) {
  const team& ranks = around.ranks;
  check_files_to_read(s);
  if (!s.structure.empty()) return run_structure(s, around);
  if (s.permute) return run_permute(s, around);
  const model_files model = find_model(s.model);
  layer_list layers = choose_layers(model, s.names);
  const layout files = layout_for(s, model, layers);
  ranks.together([&] {
    if (!ranks.is_first()) return;
    if (s.packed) in_sentences([&] { check_packing(model, layers); });
    if (!s.text.empty()) check_is_read(model);
    // A dry run does all but write, beside what an interrupted run has left.
    check_side_files(
        s, model,
        place_of(s.out, model, s.resume || s.dry_run ? resuming::now : resuming::not_now,
                 s.overwrite, s.packed));
  });
  check_same_model(model, ranks);
  std::size_t places = 2;
  auto room = std::numeric_limits<std::uint64_t>::max();  // for statistics of inputs
  std::optional<memory_need> need;
  if (s.memory || s.dry_run) need = need_of(s, model, layers, files);
  if (s.memory) {
    places = places_within(*s.memory, *need);
    if (need->refinement) room = room_for_statistics(*s.memory, *need);
  }
  const auto before = states_of(model);
  const auto statistics = statistics_for(s, model, around);
  const auto norms_for = [&](const layer_list& some) -> std::optional<norms> {
    if (!statistics) return std::nullopt;
    return norms_of_layers(*statistics, model, some);
  };
  const std::optional<norms> seen = norms_for(layers);
  const tamp::pruning_plan plan = shared_plan(s, model, layers, places, seen, around);
  ranks.together([&] {
    if (!ranks.is_first()) return;
    print_intention(around.output, s, model, layers, plan);
    if (places == 1)
      fmt::print(around.output, "--memory allows one layer at a time: each waits for the disk\n");
    if (s.dry_run) print_memory(around.output, *need);
    check_printed(around.output);
  });
  ranks.together([&] {
    file_host host(model, layers);
    check_before(s, host, seen, plan);
  });
  std::unique_ptr<layer_refiner> refiner;
  ranks.together([&] {
    if (s.refine.empty()) return;
    refiner = refiner_for(s, model, room);
    refiner->check({layers, plan});
  });
  ranks.together([&] {
    if (s.save_plan.empty() || !ranks.is_first()) return;
    around.on_begin();
    tamp::io::save(s.save_plan, plan);
  });
  if (s.dry_run) return EXIT_SUCCESS;

  around.on_begin();
  std::vector<std::uint64_t> sizes;
  for (const file_layout& file : files) sizes.push_back(file.size);
  unfinished_output out(s.out, model, sizes, run_of(s, model, plan), s.resume, s.overwrite,
                        s.packed,
                        s.packed ? most_packed_bytes(model, layers, plan, s.is_block()) : 0, ranks);
  const auto with_advice = [&](const auto& work) {
    try {
      return work();
    } catch (const tamp::error& problem) {
      throw tamp::file_error(tamp::detail::sentence(
          problem.what(), ". Nothing of ", s.model, " was changed. ", out.folder().string(),
          " has what is done: the same command with --resume goes on when the reason is gone; to "
          "begin anew, remove it"));
    }
  };
  // Work of all ranks, or of the first one alone. Returns false if the user stopped it.
  const auto in_steps = [&](const auto& work) {
    return with_advice([&] {
      return ranks.in_steps(around.is_stopped, [&](const team::question& is_stopped_anywhere) {
        surroundings here = around;
        here.is_stopped = is_stopped_anywhere;
        return in_sentences([&] { return work(here); });
      });
    });
  };
  const auto stopped = [&] {
    if (ranks.is_first())
      fmt::print(around.errors,
                 "Stopped. {} has what is done; the same command with --resume goes on.\n",
                 out.folder().string());
    return 130;
  };
  const layer_reports done = reports_by_name(out.layers_done(), plan, out.folder().string());
  const share mine = share_of(layers, plan, done, ranks.rank(), ranks.size());
  const std::optional<norms> seen_by_mine = norms_for(mine.layers);
  tamp::prune_report of_mine;
  if (!in_steps([&](const surroundings& here) {
        return write_share(s, {model, files, mine, seen_by_mine, places, refiner.get()}, out,
                           of_mine, here);
      }))
    return stopped();
  ranks.together([&] {
    if (ranks.is_first() && states_of(model) != before)
      refuse(s.model, "was changed while it was pruned: remove ", out.folder().string(),
             " and begin anew");
  });
  const auto reports = all_reports(plan, done, of_mine.layers, ranks);
  tamp::prune_report report;
  if (!in_steps([&](const surroundings& here) {
        if (!ranks.is_first()) return true;
        file_host host(model, layers);
        report = report_of(s, host, seen, plan, reports);
        if (!finish_model(s, model, layers, out, report, here)) return false;
        out.commit();
        return true;
      }))
    return stopped();
  ranks.together([&] {
    if (!ranks.is_first()) return;
    const auto bytes_after = bytes_written(model, out.place());
    print_result(around.output, s, model, layers, bytes_after, report);
    if (!s.report.empty()) save_report(s, model, layers, bytes_after, report);
    check_printed(around.output);
    out.remove_journal();
  });
  return EXIT_SUCCESS;
}

}  // namespace tamp_prune
