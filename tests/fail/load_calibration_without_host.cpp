// expects: io::load<T>(path): tamp loads no value of type T, or its header is not included:
// tamp/io/pruning_plan.hpp, prune_report.hpp, schedule.hpp, relative_schedule.hpp, compute_plan.hpp, layer_ranking.hpp,
// attention_recording.hpp, norms_file.hpp, unit_plan.hpp; a calibration is loaded by io::load(path, host, seen)
#include <tamp/io/calibration.hpp>
#include <tamp/tamp.hpp>

void wrong() {
  using calibration = tamp::calibration<tamp::stat::column_norm>;
  const auto seen = tamp::io::load<calibration>("seen.safetensors");
}
