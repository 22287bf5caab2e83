#pragma once

/// @file
/// The two verbs for values in files. The headers of the values say how each is kept.

#include <concepts>
#include <filesystem>

#include "../config.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The format of a file that holds a value of type T. A specialisation must have save(path, value)
/// and load(path).
template <class T>
struct file_format;

template <class T>
concept saveable = requires(const std::filesystem::path& path, const T& value) {
  file_format<T>::save(path, value);
};
template <class T>
concept loadable = requires(const std::filesystem::path& path) {
  { file_format<T>::load(path) } -> std::same_as<T>;
};

}  // namespace tamp::inline TAMP_FLAGS::detail

namespace tamp::inline TAMP_FLAGS::io {

/// Saves a value in a file, which is put in place of an older one in one step.
///
///     tamp::io::save("plan.json", plan);
///
/// The header of a value in tamp/io/ says what its file looks like, and must be included:
///
///     pruning_plan                tamp/io/pruning_plan.hpp         JSON
///     prune_report                tamp/io/prune_report.hpp         JSON
///     structure::unit_plan        tamp/io/unit_plan.hpp            JSON
///     token::schedule             tamp/io/schedule.hpp             JSON
///     token::relative_schedule    tamp/io/relative_schedule.hpp    JSON
///     compute::compute_plan       tamp/io/compute_plan.hpp         JSON
///     compute::evaluated_sets     tamp/io/layer_ranking.hpp        JSON
///     calibration                 tamp/io/calibration.hpp          safetensors
///     token_weights               tamp/io/token_weights.hpp        safetensors
///     token::attention_recording  tamp/io/attention_recording.hpp  safetensors
///     io::named_norms             tamp/io/norms_file.hpp           safetensors
///
/// @throws file_error if the file cannot be written, or cannot hold the value
/// @throws value_error if a number in a safetensors file would be refused by `load`
/// An older file is untouched then.
template <class T>
void save(const std::filesystem::path& path, const T& value) {
  static_assert(tamp::detail::saveable<T>,
                "io::save: tamp saves no value of this type, or its header is not included: "
                "tamp/io/pruning_plan.hpp, prune_report.hpp, schedule.hpp, relative_schedule.hpp, "
                "compute_plan.hpp, layer_ranking.hpp, calibration.hpp, attention_recording.hpp, "
                "norms_file.hpp, unit_plan.hpp");
  if constexpr (tamp::detail::saveable<T>) tamp::detail::file_format<T>::save(path, value);
}

/// Loads a value that `save` has written, or a person.
///
///     const auto plan = tamp::io::load<tamp::pruning_plan>("plan.json");
///
/// The same headers are needed as for `save`. A calibration belongs to a host, and is loaded by
/// io::load(path, host, seen).
///
/// @throws file_error if the file cannot be read, holds something else, is of another version, or
///         says what no such value can say, naming file and place
template <class T = void>
[[nodiscard]] T load(const std::filesystem::path& path) {
  static_assert(tamp::detail::loadable<T>,
                "io::load<T>(path): tamp loads no value of type T, or its header is not included: "
                "tamp/io/pruning_plan.hpp, prune_report.hpp, schedule.hpp, relative_schedule.hpp, "
                "compute_plan.hpp, layer_ranking.hpp, attention_recording.hpp, norms_file.hpp, "
                "unit_plan.hpp; a calibration is loaded by io::load(path, host, seen)");
  if constexpr (tamp::detail::loadable<T>) return tamp::detail::file_format<T>::load(path);
}

}  // namespace tamp::inline TAMP_FLAGS::io
