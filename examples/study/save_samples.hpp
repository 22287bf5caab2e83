#pragma once

// A recipe's result on each scene or sequence, in a file.

#include <fmt/format.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "csv_file.hpp"

namespace study {

inline void save_samples(const std::filesystem::path& path, const std::vector<double>& of_samples) {
  std::string table = "sample,value\n";
  for (std::size_t i = 0; i < of_samples.size(); ++i)
    table += fmt::format("{},{}\n", i, of_samples[i]);
  write_whole(path.string(), table);
}

}  // namespace study
