// All fuzz targets in one program.
//
//     tamp_fuzz --list                              their names
//     tamp_fuzz --target=NAME --seeds=FOLDER        writes inputs to begin with
//     tamp_fuzz --target=NAME [libFuzzer's own]     runs one

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "fuzz.hpp"

namespace {

const fuzz::target* chosen = nullptr;

void write_seeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::size_t number = 0;
  for (const fuzz::part& part : *chosen)
    for (const std::string& seed : part.seeds())
      std::ofstream(folder / std::to_string(number++), std::ios::binary) << seed;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (const std::string_view argument : std::span(*argv, static_cast<std::size_t>(*argc))) {
    const auto value_of = [&](std::string_view option) {
      return argument.starts_with(option) ? argument.substr(option.size()) : std::string_view();
    };
    if (argument == "--list") {
      for (const auto& [name, target] : fuzz::targets())
        std::printf("%.*s\n", static_cast<int>(name.size()), name.data());
      std::exit(0);
    }
    for (const auto& [name, target] : fuzz::targets())
      if (value_of("--target=") == name) chosen = &target;
    if (const auto folder = value_of("--seeds="); !folder.empty() && chosen != nullptr) {
      write_seeds(folder);
      std::exit(0);
    }
  }
  fuzz::check(chosen != nullptr, "--target names one of what --list lists");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const fuzz::part& part : *chosen) {
    fuzz::source in({data, size});
    part.run(in);
  }
  return 0;
}
