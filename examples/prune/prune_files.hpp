#pragma once

// Planning and pruning of the layers of files.

#include <optional>
#include <string_view>
#include <tamp/io/named_norms.hpp>
#include <tamp/model/progress.hpp>
#include <tamp/prune/calibrate.hpp>
#include <tamp/prune/pruning_plan.hpp>
#include <tamp/prune/report.hpp>
#include <tamp/stat/column_norm.hpp>
#include <vector>

#include "file_host.hpp"
#include "settings.hpp"

namespace tamp_prune {

// The column norms of all layers, by the names of their tensors. Throws tamp::error if a layer has
// none, or if they are those of another weight.
using norms = tamp::calibration<tamp::stat::column_norm>;
norms norms_of_layers(const tamp::io::named_norms& of_tensors, const model_files& model,
                      const layer_list& layers);

// The name of a tensor's norms: that of the tensor, or, as hosts and so their calibrations often name
// layers, without ".weight".
std::string_view name_in(const tamp::io::named_norms& norms, std::string_view tensor);

// Decides how much each layer loses. `seen` is there unless the score is magnitude.
tamp::pruning_plan make_plan(const settings& s, file_host& host, const std::optional<norms>& seen);

// Checks all that can be checked before anything is written.
void check_before(const settings& s, file_host& host, const std::optional<norms>& seen,
                  const tamp::pruning_plan& plan);

// Prunes some layers of a model: `host`, `seen` and `plan` are of these. That none of them is to be
// pruned, or that none saw a token, is no error. The report lists those that are done. Returns
// false if `on_progress` stopped it.
bool prune(const settings& s, file_host& host, const std::optional<norms>& seen,
           const tamp::pruning_plan& plan, tamp::prune_report& report,
           const tamp::progress_callback& on_progress);

// The same for layers that saw no token, which are pruned by magnitude, and for layers that stay.
bool prune_blind(const settings& s, file_host& host, const tamp::pruning_plan& plan,
                 tamp::prune_report& report, const tamp::progress_callback& on_progress = {});

// Returns the report of a model whose layers are all done.
tamp::prune_report report_of(const settings& s, file_host& host, const std::optional<norms>& seen,
                             const tamp::pruning_plan& plan,
                             std::vector<tamp::layer_report> layers);

}  // namespace tamp_prune
