// tamp_reduce: runs prompts with fewer visual tokens, or with less computed of them, and prints
// what is left of the quality, the multiply-adds that were made, and the measured time against the
// dense engine in the same run.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <omp.h>

#include <csignal>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "csv_file.hpp"
#include "data_files.hpp"
#include "progress_bar.hpp"
#include "prompts.hpp"
#include "reduce_model.hpp"
#include "reduce_settings.hpp"
#include "result_files.hpp"
#include "save_plan.hpp"

namespace {

volatile std::sig_atomic_t interrupted = 0;

// The number of tokens that leave in each layer, and where.
std::string leaving(const tamp::token::schedule& s) {
  return s.drops.empty() ? "" : fmt::format("{} {}", fmt::join(s.drops, " "), name_of(s.leave));
}

int run(const study::reduce_settings& s) {
  if (s.threads != 0) omp_set_num_threads(s.threads);
  study::progress_bar bar;
  bar.show(0, "loading the model");
  const auto prompts = study::load_prompts(s.model, s.data);
  bar.clear();
  const std::string model = study::model_name(s.model);
  fmt::print("{}: {}\n", model, prompts->description());
  fmt::print("time: {} prompts on one thread, dense and reduced in turn\n", s.timed);
  fmt::print(
      "budget: fraction of the multiply-adds of the visual tokens alone, attention as the full\n"
      "square, from where they leave; what rates tokens in front of a layer is not counted\n"
      "madds: fraction of what the dense engine makes of whole prompts, attention as the causal\n"
      "half; what rates tokens is counted\n\n");
  study::reducer reducer(*prompts, s.drop_layer);

  if (!s.rank.empty()) {
    bar.show(0, "ranking layers");
    tamp::compute::evaluated_sets known;
    const auto greedy = reducer.rank_layers(s.rank, true, known);
    const auto alone = reducer.rank_layers(s.rank, false, known);
    bar.clear();
    fmt::print("layers by what {} does, least first: greedy {}, each alone {}\n\n", s.rank,
               fmt::join(greedy, " "), fmt::join(alone, " "));
  }

  std::vector<study::named_reduction> rows{{}};
  for (const std::string& selector : s.selectors)
    for (const double budget : s.budgets)
      if (selector != "-") rows.push_back({selector, budget, "-"});
  for (const double tau : s.pixel_prune)
    rows.push_back({fmt::format("pixel_prune:{}", tau), 1, "-"});
  for (const std::string& visual : s.visual)
    if (visual != "-") rows.push_back({"-", 1, visual});

  fmt::print("{:<18}{:>7}  {:<22}", "tokens", "budget", "visual");
  const std::vector<study::column> qualities = prompts->columns();
  for (const study::column& quality : qualities) fmt::print("{:>11}", quality.name);
  fmt::print("{:>9}{:>9}{:>11}  drops\n", "madds", "speedup", "prefill");
  study::result_files results(
      s.results,
      fmt::format("{}: {}; {} timed, drops in layer {}", model, prompts->description(), s.timed,
                  s.drop_layer),
      study::around({{"tokens", "", true}, {"budget"}, {"visual", "", true}}, qualities,
                    {{"multiply_adds"},
                     {"speedup"},
                     {"prefill_s", "s"},
                     {"drops", "", true},
                     {"leave", "", true}}),
      3);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const study::named_reduction& row = rows[k];
    const std::string key = fmt::format("{},{},{}", row.tokens, row.budget, row.visual);
    const std::string title = fmt::format(
        "{:<18}{:>7.2f}  {:<22}", row.tokens == "-" && row.visual == "-" ? "dense" : row.tokens,
        row.budget, row.visual);
    if (const std::string* const found = results.find(key)) {
      fmt::print("{}  already in the CSV file: {}\n", title, *found);
      continue;
    }
    const auto go_on = [&](const char* what, double part) {
      bar.show((double(k) + part) / double(rows.size()),
               fmt::format("{} {} {}: {}", row.tokens, row.budget, row.visual, what));
      return interrupted == 0;
    };
    go_on("running", 0);
    const llama::reduction reduction = reducer.reduction(row);
    const study::reduced found = reducer.measure(reduction);
    const study::timing time = reducer.time(
        reduction, s.timed, [&](double part) { return go_on("timing", 0.5 + part / 2); });
    bar.clear();
    if (interrupted != 0) {
      fmt::print("interrupted\n");
      return 130;
    }
    fmt::print("{}", title);
    std::string values;
    for (const double value : found.quality) {
      fmt::print("{:>11.{}f}", value, value >= 10 ? 1 : 3);
      values += study::cell_of(value) + ",";
    }
    fmt::print("{:>8.1f}%{:>8.2f}x{:>8.{}f} ms  {}\n", 100 * found.multiply_adds, time.speedup,
               1e3 * time.seconds, time.seconds < 1 ? 2 : 0, leaving(reduction.schedule));
    study::flush_table();
    const std::string times =
        s.timed == 0 ? "," : fmt::format("{:.4f},{:.6f}", time.speedup, time.seconds);
    results.add(key, fmt::format("{}{:.6f},{},{},{}", values, found.multiply_adds, times,
                                 fmt::join(reduction.schedule.drops, " "),
                                 name_of(reduction.schedule.leave)));
  }
  results.finish();

  for (const double budget : s.joint) {
    bar.show(0, "splitting a budget");
    const auto plan = reducer.joint(budget);
    llama::model pruned = prompts->model();
    const auto found = reducer.measure(reducer.apply(plan, pruned), pruned);
    bar.clear();
    std::cout << "\nA budget of " << budget << ": " << qualities.front().name << ' '
              << fmt::format("{:.1f}", found.quality.front()) << '\n'
              << plan;
    if (s.plans.empty()) continue;
    std::filesystem::create_directories(s.plans);
    study::save_plan(study::joint_plan_of(s, budget), plan);
  }

  if (!s.kept.empty()) {
    std::string table = "tokens,budget,prompt,positions\n";
    for (const auto& row : rows)
      for (std::size_t p = 0; row.tokens != "-" && p < std::min(s.scenes, prompts->size()); ++p) {
        const study::kept_tokens kept = reducer.kept(row, p);
        table += fmt::format("{},{},{},{}\n", kept.tokens, kept.budget, kept.prompt,
                             fmt::join(kept.positions, " "));
      }
    study::write_whole(s.kept, table);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of writing
  try {
    const int status = run(study::parse_reduce_settings(argc, argv));
    std::cout << std::flush;
    study::flush_table();
    return status;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "tamp_reduce: {}\n", problem.what());
    return 1;
  }
}
