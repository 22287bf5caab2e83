#pragma once

// Errors about files, as sentences that begin with the file's name.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <tamp/error.hpp>

namespace tamp_prune {

// A text whose control characters are spelled out: names in files may be any bytes, and terminals
// obey some of them.
inline std::string printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string plain;
  for (const char c : text)
    if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7f)
      plain += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    else
      plain += c;
  return plain;
}

// A number of things: "1 file", "2 files".
inline std::string counted(std::uint64_t count, std::string_view thing) {
  return tamp::detail::sentence(count, ' ', thing, count == 1 ? "" : "s");
}

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
