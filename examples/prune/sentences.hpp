#pragma once

// Errors about files, as sentences that begin with the file's name.

#include <filesystem>
#include <string>
#include <tamp/error.hpp>

namespace tamp_prune {

template <class... Parts>
[[noreturn]] void refuse(const std::filesystem::path& path, const Parts&... parts) {
  throw tamp::file_error(tamp::detail::sentence(path.string(), ": ", parts...));
}

// Returns use(). What std::filesystem throws becomes a tamp::file_error.
template <class Use>
decltype(auto) in_sentences(const Use& use) {
  try {
    return use();
  } catch (const std::filesystem::filesystem_error& problem) {
    refuse(problem.path1(), "cannot be read or written: ", problem.code().message());
  }
}

}  // namespace tamp_prune
