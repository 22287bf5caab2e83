// expects: io::load<T>(path): tamp loads no value of type T, or its header is not included:
// tamp/io/pruning_plan.hpp, prune_report.hpp, schedule.hpp, relative_schedule.hpp, compute_plan.hpp, layer_ranking.hpp,
// attention_recording.hpp, norms_file.hpp, unit_plan.hpp; a calibration is loaded by io::load(path, host, seen)
#include <string>
#include <tamp/io/pruning_plan.hpp>

void wrong() { static_cast<void>(tamp::io::load<std::string>("plan.json")); }
