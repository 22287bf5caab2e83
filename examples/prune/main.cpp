// tamp_prune: a model goes in, a pruned model comes out.

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tamp/error.hpp>
#include <tamp/io/prune_report.hpp>
#include <tamp/io/pruning_plan.hpp>

#include "../study/progress_bar.hpp"
#include "file_host.hpp"
#include "layers.hpp"
#include "model_files.hpp"
#include "prune_files.hpp"
#include "settings.hpp"
#include "summary.hpp"
#include "unfinished_output.hpp"

namespace {

using namespace tamp_prune;

std::atomic<bool> is_stopped = false;
static_assert(std::atomic<bool>::is_always_lock_free);
extern "C" void stop(int) { is_stopped = true; }

// The bytes read and written so far, with the rate and the time that is left.
class progress {
 public:
  explicit progress(std::uint64_t bytes) : bytes_(bytes) {}

  // Returns false if the user wants to stop.
  bool add(std::uint64_t bytes, std::string_view what) {
    done_ += bytes;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double rate = static_cast<double>(done_) / (seconds > 0 ? seconds : 1);
    const double left = rate > 0 ? static_cast<double>(bytes_ - std::min(done_, bytes_)) / rate : 0;
    bar_.show(static_cast<double>(done_) / static_cast<double>(bytes_ == 0 ? 1 : bytes_),
              fmt::format("{:.0f} MB/s, {:.0f} s left, {}", rate / 1e6, left, what));
    return !is_stopped;
  }
  void clear() { bar_.clear(); }

 private:
  study::progress_bar bar_;
  std::uint64_t bytes_, done_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Copies all bytes of the files that belong to no layer. Returns false if the user stopped it.
bool copy_rest(const model_files& model, const layer_list& layers, const file_host& host,
               unfinished_output& out, progress& shown) {
  std::vector<std::vector<std::pair<std::uint64_t, std::uint64_t>>> taken(model.weights.size());
  for (const block& b : layers.blocks)
    for (const layer& l : b.layers)
      taken[model.tensors[l.tensor].file].emplace_back(l.offset, l.length);
  std::vector<std::byte> buffer(std::size_t{1} << 22);
  for (std::size_t k = 0; k < model.weights.size(); ++k) {
    const std::string name = model.weights[k].string();
    auto& ranges = taken[k];
    std::sort(ranges.begin(), ranges.end());
    ranges.emplace_back(host.file(k).size(), 0);
    std::uint64_t at = 0;
    for (const auto& [offset, length] : ranges) {
      while (at < offset) {
        const auto part = std::span(buffer).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), offset - at)));
        if (!out.is_copied(k)) {
          host.file(k).read(at, part);
          out.write(k, at, part);
        }
        at += part.size();
        if (!shown.add(part.size(), name)) return false;
      }
      at = offset + length;
    }
    if (!out.is_copied(k)) out.note_copied(k);
  }
  return true;
}

// What the output depends on. A run that was interrupted goes on only with the same.
nlohmann::ordered_json run_of(const settings& s, const model_files& model,
                              const tamp::pruning_plan& plan) {
  nlohmann::ordered_json run{{"tamp_prune", 1}, {"score", s.score}, {"pattern", s.pattern}};
  run["statistics"] = s.statistics.empty() ? "" : fs_state(s.statistics);
  for (std::size_t k = 0; k < model.weights.size(); ++k)
    run["weights"].push_back(fs_state(model.path_of(k)));
  run["plan"] = plan;
  return run;
}

int run(const settings& s) {
  const model_files model = find_model(s.model);
  const layer_list layers = choose_layers(model, s.names);
  std::optional<norms> seen;
  if (!s.statistics.empty()) seen = load_norms(s, model, layers);
  file_host host(model, layers);
  const tamp::pruning_plan plan = make_plan(s, host, seen);
  if (!s.save_plan.empty()) tamp::io::save(s.save_plan, plan);
  print_intention(s, model, layers, plan);
  if (s.dry_run) return EXIT_SUCCESS;

  unfinished_output out(s.out, model, run_of(s, model, plan), s.resume, s.overwrite);
  progress shown(model.bytes());
  tamp::prune_report report;
  report.layers = out.layers_done();
  for (const tamp::layer_report& done : report.layers) shown.add(bytes_of(layers, done.name), "");
  host.finish = [&](const layer& l, std::size_t file, std::span<const std::byte> bytes) {
    out.write(file, l.offset, bytes);
    out.note_layer(report.layers.back());
    shown.add(l.length, l.name);
  };
  const bool is_complete =
      copy_rest(model, layers, host, out, shown) &&
      prune(s, host, seen, plan, report, [](const tamp::progress&) { return !is_stopped; });
  shown.clear();
  if (!is_complete) {
    fmt::print(stderr, "Stopped. {} has what is done; the same command with --resume goes on.\n",
               out.folder().string());
    return 130;
  }
  out.commit();
  print_result(s, model, layers, report);
  if (!s.report.empty()) save_report(s, model, layers, report);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  const settings s = parse(argc, argv);
  std::signal(SIGINT, stop);
  std::signal(SIGTERM, stop);
  try {
    return run(s);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "tamp_prune: {}\n", problem.what());
    return EXIT_FAILURE;
  }
}
