#pragma once

// Planning and pruning of the layers of files.

#include <optional>
#include <tamp/io/named_norms.hpp>
#include <tamp/model/progress.hpp>
#include <tamp/prune/calibrate.hpp>
#include <tamp/prune/pruning_plan.hpp>
#include <tamp/prune/report.hpp>
#include <tamp/stat/column_norm.hpp>

#include "file_host.hpp"
#include "settings.hpp"

namespace tamp_prune {

// The column norms of all layers, by the names of their tensors. Throws tamp::error if a layer has
// none, or if they are those of another weight.
using norms = tamp::calibration<tamp::stat::column_norm>;
norms norms_of_layers(const tamp::io::named_norms& of_tensors, const model_files& model,
                      const layer_list& layers);

// Decides how much each layer loses. `seen` is there unless the score is magnitude.
tamp::pruning_plan make_plan(const settings& s, file_host& host, const std::optional<norms>& seen);

// Prunes the layers that the report does not list yet. Returns false if `on_progress` stopped it.
bool prune(const settings& s, file_host& host, const std::optional<norms>& seen,
           const tamp::pruning_plan& plan, tamp::prune_report& report,
           const tamp::progress_callback& on_progress);

}  // namespace tamp_prune
