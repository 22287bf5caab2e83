#pragma once

// The folder of a model that one process writes as a whole.

#include <filesystem>
#include <system_error>

#include "output_place.hpp"

namespace tamp_prune {

// A folder that is put in place when it is complete, and removed otherwise.
class unfinished_folder {
 public:
  explicit unfinished_folder(const output_place& place) : place_(place) {
    std::filesystem::create_directory(place.unfinished);
  }
  unfinished_folder(const unfinished_folder&) = delete;
  unfinished_folder& operator=(const unfinished_folder&) = delete;
  ~unfinished_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(place_.unfinished, ignored);
  }
  void commit() { std::filesystem::rename(place_.unfinished, place_.out); }

 private:
  const output_place& place_;
};

}  // namespace tamp_prune
