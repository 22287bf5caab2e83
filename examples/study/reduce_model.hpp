#pragma once

// Named token selectors and named ways to spend less on visual tokens, applied to prompts.

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tamp/compute/compute_plan.hpp>
#include <tamp/compute/head_activity.hpp>
#include <tamp/compute/layer_ranking.hpp>
#include <tamp/token/attention_record.hpp>
#include <tamp/token/relative_schedule.hpp>
#include <tamp/token/schedule.hpp>
#include <tuple>
#include <vector>

#include "prompts.hpp"
#include "reductions.hpp"

namespace study {

// The share of heads of layers [first, last] that look least at visual tokens.
using blind_heads = std::function<std::vector<tamp::compute::layer_head>(
    double share, std::size_t first, std::size_t last)>;

// "hollow:8@3-5+ffn:0.1@0" -> what each layer computes of its visual tokens.
std::vector<llama::visual_computation> parse_visual(const std::string& text, std::size_t layers,
                                                    const blind_heads& heads = {});

// The result of a reduction.
struct reduced {
  std::vector<double> quality;
  double multiply_adds = 0;  // fraction of the dense model's, as the engine makes them
};
struct timing {
  double speedup = 0;  // dense prefill time / reduced prefill time, both on one thread
  double seconds = 0;  // of the reduced prefill of one prompt, mean
};

// The visual tokens of one prompt that were there after the last block, by original position.
struct kept_tokens {
  std::string tokens;
  double budget = 0;
  std::size_t prompt = 0;
  std::vector<std::size_t> positions;
};

class reducer {
 public:
  // Tokens leave in layer `drop_layer` of selectors that drop at once, or earlier where the budget
  // cannot be met from there.
  reducer(const prompts& prompts, std::size_t drop_layer);

  // The departures of so many visual tokens: the same share, as far as whole tokens allow.
  tamp::token::schedule schedule(const named_reduction& row, std::size_t visual);
  // With a schedule for each number of visual tokens that a prompt has.
  llama::reduction reduction(const named_reduction& row);
  reduced measure(const llama::reduction& r) const { return measure(r, prompts_.model()); }
  reduced measure(const llama::reduction& r, const llama::model& model) const;
  // One budget of multiply-adds, split evenly: attention_top_k for the tokens, hollow attention
  // with a window of 8 and a tenth of the channels for those that stay, magnitude for the weights.
  // For prompts of one number of visual tokens.
  tamp::compute::compute_plan joint(double budget);
  // The engine's form of such a plan; prunes `model` in place.
  llama::reduction apply(const tamp::compute::compute_plan& plan, llama::model& model) const;
  // Runs `count` prompts, dense and reduced in turn. `go_on(part)` is asked before each.
  timing time(const llama::reduction& r, std::size_t count,
              const std::function<bool(double part)>& go_on) const;
  kept_tokens kept(const named_reduction& row, std::size_t prompt);
  // The order in which layers can compute less, by what it does to the calibration prompts.
  // `known` keeps what was evaluated.
  std::vector<std::size_t> rank_layers(const std::string& visual, bool greedy,
                                       tamp::compute::evaluated_sets& known) const;

 private:
  const tamp::token::attention_recording& recording();
  std::vector<tamp::compute::layer_head> blind(double share, std::size_t first,
                                               std::size_t last) const;
  // The schedule that FitPrune fits for a budget, before tokens are counted.
  const tamp::token::relative_schedule& fitprune(const named_reduction& row);

  const prompts& prompts_;
  std::size_t drop_layer_;
  std::unique_ptr<tamp::token::attention_recording> recording_;
  mutable std::vector<tamp::compute::head_activity> activities_;  // of each layer, once measured
  std::vector<std::size_t> visual_tokens_;  // numbers that prompts have; the first prompt's first
  std::map<std::pair<std::string, double>, tamp::token::relative_schedule> fitted_;
  std::map<std::tuple<std::string, double, std::size_t>, tamp::token::schedule> schedules_;
};

}  // namespace study
