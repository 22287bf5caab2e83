#pragma once

// The reductions that the study knows, by the names of their policies.

#include <string>
#include <vector>

namespace study {

inline const std::vector<std::string> selector_names = {
    "-",        "random",        "attention_top_k", "pyramid_drop", "pyramid_drop_kept",
    "fitprune", "fitprune_down", "fitprune_rerun",  "divprune",     "cdpruner",
    "dart",     "sparsevlm",     "visionzip",       "tome",         "folder",
    "scope",    "mmr",           "vidcom2",         "evs"};

// One row of the study.
struct named_reduction {
  std::string tokens = "-";  // a selector, "pixel_prune:TAU", or "-": all tokens stay
  double budget = 1;         // fraction of the visual tokens' multiply-adds
  std::string visual = "-";  // "ffn:0.1@3-5", "hollow:8@0-5", joined by "+", or "-"
};

}  // namespace study
