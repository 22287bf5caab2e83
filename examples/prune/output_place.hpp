#pragma once

// The place of the pruned model, and of its parts while it is written.

#include <cstddef>
#include <filesystem>
#include <string>

#include "model_files.hpp"

namespace tamp_prune {

struct output_place {
  std::filesystem::path out;         // absolute, behind all links
  std::filesystem::path unfinished;  // beside it
  bool is_taken = false;             // by a model that an interrupted run has put there
  bool is_packed = false;            // the pruned files are packed before they are put in place

  std::filesystem::path journal() const { return unfinished / "journal"; }
  // That of a rank; the first one's is the above.
  std::filesystem::path journal(std::size_t rank) const {
    if (rank == 0) return journal();
    return unfinished / ("journal." + std::to_string(rank));
  }
  std::filesystem::path files() const { return unfinished / "files"; }
  std::filesystem::path packed() const { return unfinished / "packed"; }
  // The folder that is put in place, or whose one file is.
  std::filesystem::path result() const { return is_packed ? packed() : files(); }
  // The parts of the file of weights with that number.
  std::filesystem::path file(const model_files& model, std::size_t k) const {
    return files() / model.weights[k];
  }
  // The same as it is put in place, wherever it is.
  std::filesystem::path written(const model_files& model, std::size_t k) const {
    if (!is_taken) return result() / model.weights[k];
    return model.becomes_folder() ? out / model.weights[k] : out;
  }
  // The same when it is pruned, and not packed.
  std::filesystem::path pruned(const model_files& model, std::size_t k) const {
    return is_packed ? file(model, k) : written(model, k);
  }
};

// What a run does with the parts of one that was interrupted.
enum class resuming { never, not_now, now };  // never: this kind of run cannot go on

// Checks that `out` can be written, and that no other run does so. Throws tamp::file_error if it
// exists already, is or lies inside the model, or has no folder to lie in, or if an interrupted run
// is in the way.
output_place place_of(const std::filesystem::path& out, const model_files& model, resuming resume,
                      bool overwrite, bool packed = false);

// True if a path is a folder or lies below it, with all links followed.
bool lies_in(const std::filesystem::path& path, const std::filesystem::path& folder);

}  // namespace tamp_prune
