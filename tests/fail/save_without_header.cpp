// expects: io::save: tamp saves no value of this type, or its header is not included:
// tamp/io/pruning_plan.hpp, prune_report.hpp, schedule.hpp, relative_schedule.hpp, compute_plan.hpp,
// layer_ranking.hpp, calibration.hpp, attention_recording.hpp, norms_file.hpp, unit_plan.hpp
#include <tamp/io/calibration.hpp>
#include <tamp/tamp.hpp>

void wrong(const tamp::pruning_plan& plan) { tamp::io::save("plan.json", plan); }
