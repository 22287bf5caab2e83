#include "reduce_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <omp.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <llama/fitprune_host.hpp>
#include <llama/parallel.hpp>
#include <llama/tamp_host.hpp>
#include <numeric>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <tamp/execute/openmp.hpp>
#include <tamp/tamp.hpp>
#include <tamp/token/attention_record.hpp>
#include <tamp/token/attention_top_k.hpp>
#include <tamp/token/cdpruner.hpp>
#include <tamp/token/dart.hpp>
#include <tamp/token/divprune.hpp>
#include <tamp/token/evs.hpp>
#include <tamp/token/fitprune.hpp>
#include <tamp/token/fitprune_fit.hpp>
#include <tamp/token/folder.hpp>
#include <tamp/token/mmr.hpp>
#include <tamp/token/random_choice.hpp>
#include <tamp/token/scope.hpp>
#include <tamp/token/sparsevlm.hpp>
#include <tamp/token/tome.hpp>
#include <tamp/token/vidcom2.hpp>
#include <tamp/token/visionzip.hpp>
#include <utility>

namespace study {
namespace {

bool is_fitprune(const std::string& name) {
  return name == "fitprune" || name == "fitprune_down" || name == "fitprune_rerun";
}

bool is_pyramid_drop(const std::string& name) {
  return name == "pyramid_drop" || name == "pyramid_drop_kept";
}

// A policy that weighs importance. The importance of a token is the attention of the last query to it.
template <class Policy>
void use_with_importance(llama::reduction& r, const Policy& policy) {
  using tamp::observable;
  r.reads = (Policy::reads & ~observable::importance) | observable::last_query;
  r.select = [policy](const tamp::token::context& c, tamp::token::quota q) {
    std::vector<float> importance(c.tokens()), buffer;
    for (std::size_t head = 0; head < c.attention.heads(); ++head) {
      const auto row = c.attention.row(head, c.tokens() - 1, buffer);
      for (std::size_t t = 0; t < row.size(); ++t) importance[t] += row[t];
    }
    tamp::token::context weighed = c;
    weighed.importance = importance;
    return tamp::token::select(weighed, policy, q);
  };
}

void use_selector(llama::reduction& r, const std::string& name) {
  namespace token = tamp::token;
  if (name == "random") return r.use(token::random_choice{});
  if (name == "attention_top_k" || is_pyramid_drop(name)) return r.use(token::attention_top_k{});
  if (is_fitprune(name)) return r.use(token::fitprune{});
  if (name == "divprune") return r.use(token::divprune{});
  if (name == "cdpruner") return r.use(token::cdpruner{});
  if (name == "scope") return use_with_importance(r, token::scope{});
  if (name == "mmr") return use_with_importance(r, token::mmr{});
  if (name == "vidcom2") return r.use(token::vidcom2{});
  if (name == "evs") return r.use(token::evs{});
  if (name == "dart") return r.use(token::dart{});
  if (name == "sparsevlm") return r.use(token::sparsevlm{});
  if (name == "visionzip") {
    // As published, 10 of 64 are contextual, rounded up.
    r.reads = token::visionzip::reads;
    r.select = [](const token::context& c, token::quota q) {
      return token::select(c, token::visionzip{.contextual = (q.keep * 10 + 63) / 64}, q);
    };
    return;
  }
  if (name == "tome") return r.use(token::tome{});
  if (name == "folder") return r.use(token::folder{.class_token = false});
  if (name != "-") throw std::invalid_argument("there is no token selector '" + name + "'");
}

template <class Number>
Number number(std::string_view text, std::string_view whole) {
  Number value{};
  const char* end = text.data() + text.size();
  if (const auto [at, problem] = std::from_chars(text.data(), end, value);
      problem != std::errc{} || at != end)
    throw std::invalid_argument(fmt::format("'{}' in '{}' is not a number", text, whole));
  return value;
}

// The text and these visual tokens, counted from the first visual one.
tamp::token::selection text_and(std::span<const std::size_t> visual,
                                std::span<const tamp::modality> kinds) {
  tamp::token::selection stay;
  for (std::size_t t = 0, passed = 0, next = 0; t < kinds.size(); ++t) {
    const bool is_text = kinds[t] == tamp::modality::text;
    const bool stays = is_text || (next < visual.size() && visual[next] == passed);
    if (stays) stay.kept.push_back(t);
    next += stays && !is_text;
    passed += !is_text;
  }
  return stay;
}

// The tau of "pixel_prune:TAU".
std::optional<double> pixel_prune_tau(const std::string& tokens) {
  const std::string_view name = tokens, prefix = "pixel_prune:";
  if (!name.starts_with(prefix)) return std::nullopt;
  return number<double>(name.substr(prefix.size()), name);
}

}  // namespace

std::vector<llama::visual_computation> parse_visual(const std::string& text, std::size_t layers,
                                                    const blind_heads& heads) {
  std::vector<llama::visual_computation> all(layers);
  if (text == "-") return {};
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, '+');) {
    const std::string_view view = part;
    const auto at = view.find('@');
    std::string_view what = view.substr(0, at), where = at == view.npos ? "" : view.substr(at + 1);
    std::size_t first = 0, last = layers - 1;
    if (!where.empty()) {
      const auto dash = where.find('-');
      first = number<std::size_t>(where.substr(0, dash), part);
      last = dash == where.npos ? first : number<std::size_t>(where.substr(dash + 1), part);
    }
    if (first > last || last >= layers)
      throw std::invalid_argument(
          fmt::format("'{}' names layers {} to {}, the model has {}", part, first, last, layers));
    const auto colon = what.find(':');
    const std::string_view value = colon == what.npos ? "" : what.substr(colon + 1);
    what = what.substr(0, colon);
    if (what == "heads") {
      for (const auto& [layer, head] : heads(number<double>(value, part), first, last))
        all[layer].blind_heads.push_back(head);
      continue;
    }
    for (std::size_t l = first; l <= last; ++l) {
      if (what == "ffn" || what == "ffn_but_probe")
        all[l].ffn = tamp::compute::dynamic_ffn{.keep_ratio = number<double>(value, part),
                                                .whole_probe = what == "ffn_but_probe"};
      else if (what == "hollow")
        all[l].attention =
            tamp::compute::hollow_attention{.window = number<std::size_t>(value, part)};
      else if (what == "skip" && value.empty())
        all[l].text_alone = true;
      else
        throw std::invalid_argument(
            fmt::format("'{}' is none of ffn:RATIO@LAYERS, ffn_but_probe:RATIO@LAYERS, "
                        "hollow:WINDOW@LAYERS, heads:SHARE@LAYERS and skip@LAYERS",
                        part));
    }
  }
  return all;
}

reducer::reducer(const prompts& prompts, std::size_t drop_layer)
    : prompts_(prompts), drop_layer_(drop_layer) {
  for (std::size_t i = 0; i < prompts_.size(); ++i)
    if (const std::size_t visual = prompts_.prompt(i).visual_tokens();
        std::find(visual_tokens_.begin(), visual_tokens_.end(), visual) == visual_tokens_.end())
      visual_tokens_.push_back(visual);
}

const tamp::token::attention_recording& reducer::recording() {
  if (!recording_) {
    recording_ = std::make_unique<tamp::token::attention_recording>(prompts_.model().blocks.size());
    llama::record_attention(prompts_.model(), prompts_.calibration(),
                            [&](auto record) { recording_->add(std::move(record)); });
  }
  return *recording_;
}

const tamp::token::relative_schedule& reducer::fitprune(const named_reduction& row) {
  namespace token = tamp::token;
  const std::pair key{row.tokens, row.budget};
  if (const auto known = fitted_.find(key); known != fitted_.end()) return known->second;
  // Whole tokens are rounded so that the schedule costs no more than the budget, or as published,
  // which costs more.
  const bool as_published = row.tokens == "fitprune_down";
  const llama::config& c = prompts_.model().config;
  const token::fitprune_fit fit{
      .budget = row.budget,
      .shape = llama::shape_of(c),
      .rounding = as_published ? token::rounding::down : token::rounding::up};
  const std::vector<std::size_t> counts = recording().visual_tokens();
  const tamp::execute::openmp exec{omp_get_max_threads()};
  const auto found = [&] {
    if (row.tokens != "fitprune_rerun")
      return fit(exec, recording(), counts, std::size_t(c.layers));
    const std::vector<llama::sequence> samples = prompts_.calibration();
    llama::fitprune_host host(prompts_.model(), samples);
    return fit(exec, host, counts, std::size_t(c.layers));
  }();
  if (!found.met && !as_published)
    throw std::invalid_argument(
        fmt::format("FitPrune's schedule for a budget of {} costs {}", row.budget, found.cost));
  return fitted_[key] = found.schedule;
}

tamp::token::schedule reducer::schedule(const named_reduction& row, std::size_t visual) {
  namespace token = tamp::token;
  const llama::config& c = prompts_.model().config;
  const auto layers = std::size_t(c.layers);
  if (row.tokens == "-" || pixel_prune_tau(row.tokens)) return {};
  if (is_fitprune(row.tokens)) return fitprune(row).for_tokens(visual);
  const auto shape = llama::shape_of(c);
  const std::tuple key{row.tokens, row.budget, visual};
  if (const auto known = schedules_.find(key); known != schedules_.end()) return known->second;
  const auto remember = [&](token::schedule s) { return schedules_[key] = std::move(s); };
  if (is_pyramid_drop(row.tokens)) {
    // The ratio that meets the budget, with one stage for every two layers up to the published
    // four, or more where the layers in front of the first stage cost more than the budget.
    token::pyramid_drop pyramid{.ratio = 0};
    pyramid.stages = std::max<std::size_t>(2, std::min<std::size_t>(4, layers / 2));
    while (pyramid.stages < layers && pyramid(layers, visual).cost(shape, visual) > row.budget)
      ++pyramid.stages;
    if (const double least = pyramid(layers, visual).cost(shape, visual); least > row.budget)
      throw std::invalid_argument(
          fmt::format("PyramidDrop costs {} at the least, which is more than a budget of {}", least,
                      row.budget));
    double low = 0, high = 1;
    for (int step = 0; step < 30; ++step) {
      pyramid.ratio = (low + high) / 2;
      (pyramid(layers, visual).cost(shape, visual) <= row.budget ? low : high) = pyramid.ratio;
    }
    pyramid.ratio = low;
    return remember(pyramid(layers, visual));
  }
  for (std::size_t layer = std::min(drop_layer_, layers - 1) + 1; layer-- != 0;)
    for (std::size_t drop = 0; drop <= visual; ++drop)
      if (token::schedule s = token::drop_at(layers, layer, drop);
          s.cost(shape, visual) <= row.budget)
        return remember(std::move(s));
  throw std::invalid_argument(fmt::format(
      "a budget of {} cannot be met even if all tokens leave in the first layer", row.budget));
}

llama::reduction reducer::reduction(const named_reduction& row) {
  llama::reduction r;
  if (const auto tau = pixel_prune_tau(row.tokens))
    r.entering = [this, tau](const llama::sequence& s, std::uint64_t prompt) {
      const auto patches = prompts_.unpredicted_patches(std::size_t(prompt), {.tau = *tau});
      return text_and(patches.kept, s.kinds);
    };
  else
    use_selector(r, row.tokens);
  for (const std::size_t visual : visual_tokens_) r.schedules[visual] = schedule(row, visual);
  r.schedule = r.schedules.at(visual_tokens_.front());
  if (r.schedules.size() == 1) r.schedules.clear();
  r.renumber = row.tokens == "pyramid_drop";  // as published; _kept keeps positions
  r.visual = parse_visual(row.visual, prompts_.model().blocks.size(),
                          [&](auto... wanted) { return blind(wanted...); });
  return r;
}

std::vector<tamp::compute::layer_head> reducer::blind(double share, std::size_t first,
                                                      std::size_t last) const {
  if (!(share >= 0 && share <= 1))
    throw std::invalid_argument(fmt::format("{} is no share of heads", share));
  const auto heads = std::size_t(prompts_.model().config.heads);
  if (activities_.empty())
    activities_ = llama::head_activities(prompts_.model(), prompts_.calibration());
  const auto count = static_cast<std::size_t>(share * double((last + 1 - first) * heads) + 0.5);
  return tamp::compute::least_active_heads(std::span(activities_).first(last + 1), count, first);
}

reduced reducer::measure(const llama::reduction& r, const llama::model& model) const {
  const auto shape = llama::shape_of(model.config);
  std::vector<double> costs(prompts_.size()), dense_costs(prompts_.size());
  llama::matrix features(llama::Index(prompts_.size()), model.config.hidden);
  llama::for_each_sequence(prompts_.size(), [&](std::size_t i) {
    llama::sequence s = prompts_.prompt(i);
    const auto n = std::uint64_t(s.hidden.rows());
    dense_costs[i] = double(std::uint64_t(model.config.layers) *
                            (shape.projections(n) + shape.pairs(n * (n + 1) / 2) + shape.output(n) +
                             shape.feed_forward(n)));
    llama::reduction mine = r;
    mine.sequence = i;
    features.row(llama::Index(i)) = llama::forward(model, s, mine).bottomRows(1);
    costs[i] = double(s.multiply_adds);
  });
  return {prompts_.quality(features),
          std::accumulate(costs.begin(), costs.end(), 0.0) /
              std::accumulate(dense_costs.begin(), dense_costs.end(), 0.0)};
}

tamp::compute::compute_plan reducer::joint(double budget) {
  llama::model model = prompts_.model();
  const std::vector<llama::calibration_sample> none;
  llama::tamp_host host(model, none);
  tamp::compute::compute_plan settings;
  settings.selector = "attention_top_k";
  settings.ffn.keep_ratio = 0.1;
  settings.attention.window = 8;
  if (visual_tokens_.size() != 1)
    throw std::invalid_argument(
        fmt::format("a budget is split for prompts of one number of visual tokens, these have {}",
                    fmt::join(visual_tokens_, ", ")));
  tamp::compute::evaluated_sets known;
  return tamp::compute::plan_compute(
      llama::shape_of(model.config), model.blocks.size(), prompts_.prompt(0).kinds, budget,
      settings,
      [&](double fraction) {
        return schedule({settings.selector, fraction, "-"}, visual_tokens_.front());
      },
      rank_layers("ffn:0.1+hollow:8", true, known),
      [&](double sparsity) {
        return tamp::plan(host, tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                              tamp::allocate::uniform{sparsity}));
      });
}

llama::reduction reducer::apply(const tamp::compute::compute_plan& plan,
                                llama::model& model) const {
  llama::reduction r;
  use_selector(r, plan.selector);
  r.schedule = plan.tokens;
  r.visual.resize(model.blocks.size());
  for (const std::size_t layer : plan.reduced_layers)
    r.visual.at(layer) = {plan.attention, plan.ffn, {}, false};
  for (const auto& [layer, head] : plan.alone.blind_heads)
    r.visual.at(layer).blind_heads.push_back(head);
  for (const std::size_t layer : plan.alone.skipped_layers) r.visual.at(layer).text_alone = true;
  if (!plan.weights.layers.empty()) {
    const std::vector<llama::calibration_sample> none;
    llama::tamp_host host(model, none);
    tamp::prune_model(host, plan.weights,
                      tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                    tamp::allocate::uniform{}));
  }
  return r;
}

timing reducer::time(const llama::reduction& r, std::size_t count,
                     const std::function<bool(double part)>& go_on) const {
  // Three times, and the median, since other programs disturb.
  constexpr std::size_t repeats = 3;
  const llama::model& model = prompts_.model();
  count = std::min(count, prompts_.size());
  if (count == 0) return {};
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  std::vector<double> ratios, seconds;
  for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
    double dense = 0, less = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!go_on(double(repeat * count + i) / double(repeats * count))) break;
      llama::sequence s = prompts_.prompt(i);
      const llama::matrix hidden = s.hidden;
      const tamp::detail::stopwatch first;
      llama::forward(model, hidden);
      dense += first.seconds();
      llama::reduction mine = r;
      mine.sequence = i;
      const tamp::detail::stopwatch second;
      llama::forward(model, s, mine);
      less += second.seconds();
    }
    ratios.push_back(dense / less);
    seconds.push_back(less / double(count));
  }
  omp_set_num_threads(threads);
  std::sort(ratios.begin(), ratios.end());
  std::sort(seconds.begin(), seconds.end());
  return {ratios[repeats / 2], seconds[repeats / 2]};
}

std::vector<std::size_t> reducer::rank_layers(const std::string& visual, bool greedy,
                                              tamp::compute::evaluated_sets& known) const {
  const llama::model& model = prompts_.model();
  const std::vector<llama::sequence> samples = prompts_.calibration();
  const std::size_t layers = model.blocks.size();
  const std::vector<llama::visual_computation> less =
      parse_visual(visual, layers, [&](auto... wanted) { return blind(wanted...); });
  const auto logits = [&](const llama::reduction& r) {
    llama::matrix features(llama::Index(samples.size()), model.config.hidden);
    llama::for_each_sequence(samples.size(), [&](std::size_t i) {
      llama::sequence s = samples[i];
      features.row(llama::Index(i)) = llama::forward(model, s, r).bottomRows(1);
    });
    return llama::matrix(features * model.ends->head().transpose());
  };
  const llama::matrix dense = logits({});
  return tamp::compute::layer_ranking{.greedy = greedy}(
      layers,
      [&](std::span<const std::size_t> set) {
        llama::reduction r;
        r.visual.resize(layers);
        for (const std::size_t layer : set) r.visual[layer] = less[layer];
        return double((logits(r) - dense).squaredNorm());
      },
      known);
}

kept_tokens reducer::kept(const named_reduction& row, std::size_t prompt) {
  llama::sequence s = prompts_.prompt(prompt);
  llama::reduction r = reduction(row);
  r.sequence = prompt;
  llama::forward(prompts_.model(), s, r);
  kept_tokens result{row.tokens, row.budget, prompt, {}};
  for (std::size_t t = 0; t < s.kinds.size(); ++t)
    if (s.kinds[t] != tamp::modality::text) result.positions.push_back(s.positions[t]);
  return result;
}

}  // namespace study
