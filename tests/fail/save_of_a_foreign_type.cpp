// expects: io::save: tamp saves no value of this type, or its header is not included:
// tamp/io/pruning_plan.hpp, prune_report.hpp, schedule.hpp, relative_schedule.hpp, compute_plan.hpp,
// layer_ranking.hpp, calibration.hpp, attention_recording.hpp, norms_file.hpp, unit_plan.hpp
#include <map>
#include <string>
#include <tamp/io/pruning_plan.hpp>

void wrong(const std::map<std::string, double>& sparsities) {
  tamp::io::save("plan.json", sparsities);
}
