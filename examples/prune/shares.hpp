#pragma once

// The layers of a model divided among the ranks of a team, and their reports put together.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tamp/prune/pruning_plan.hpp>
#include <tamp/prune/report.hpp>
#include <vector>

#include "layers.hpp"

namespace tamp_prune {

// Reports of layers by name.
using layer_reports = std::map<std::string, tamp::layer_report, std::less<>>;

// Throws tamp::file_error, which begins with `source`, if a report is of no layer of the plan, or
// if a layer has two.
layer_reports reports_by_name(const std::vector<tamp::layer_report>& reports,
                              const tamp::pruning_plan& plan, const std::string& source);

// The part of one rank: some of the layers, in as many blocks as the model has.
struct share {
  layer_list layers;
  tamp::pruning_plan plan;  // of these layers
  std::uint64_t bytes() const;
};

// Divides the layers that are not done among ranks: to each as many bytes as to the next, as far as
// whole layers allow, and layers one after another, which lie in the files one after another.
share share_of(const layer_list& layers, const tamp::pruning_plan& plan, const layer_reports& done,
               std::size_t rank, std::size_t ranks);

}  // namespace tamp_prune
