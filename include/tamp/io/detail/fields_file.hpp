#pragma once

/// @file
/// Values whose fields are tensors in a safetensors file.

#include <bit>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../../error.hpp"
#include "../safetensors_file.hpp"
#include "../safetensors_writer.hpp"
#include "shown.hpp"

namespace tamp::inline TAMP_FLAGS::io::detail {

/// One list of numbers, or one 64-bit word, as a tensor. Words keep all bits, though safetensors
/// knows them as signed.
inline declaration declared(const std::string& name, const std::vector<double>& numbers) {
  return {name, dtype::f64, {numbers.size()}};
}
template <std::unsigned_integral Word>
declaration declared(const std::string& name, const Word&) {
  return {name, dtype::i64, {}};
}
inline void write_field(safetensors_writer& out, std::string_view name,
                        const std::vector<double>& numbers) {
  out.write<double>(name, numbers);
}
template <std::unsigned_integral Word>
void write_field(safetensors_writer& out, std::string_view name, const Word& word) {
  const auto bits = std::bit_cast<std::int64_t>(std::uint64_t{word});
  out.write<std::int64_t>(name, std::span(&bits, 1));
}

/// Reads a file of fields piece by piece, and checks each piece.
class fields_reader {
 public:
  /// @throws file_error if the file cannot be read, or holds no `noun` of the version
  fields_reader(const std::filesystem::path& path, const std::string& version_key,
                std::string_view wanted_version, std::string_view noun)
      : name_(path.string()), noun_(noun), file_(path) {
    if (const auto& version = metadata(version_key); version != wanted_version)
      refuse("is a ", noun_, " of version ", tamp::detail::shown(version),
             ", and tamp reads version ", wanted_version);
  }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    tamp::detail::raise<file_error>(name_, ": ", parts...);
  }

  const std::string& metadata(const std::string& key) const {
    const auto found = file_.metadata().find(key);
    if (found == file_.metadata().end()) refuse("is no ", noun_, ": its metadata lack '", key, "'");
    return found->second;
  }
  bool has(const std::string& key) const { return file_.metadata().contains(key); }
  std::size_t count(const std::string& key) const {
    const std::string& text = metadata(key);
    std::size_t number = 0;
    const char* end = text.data() + text.size();
    if (const auto [at, problem] = std::from_chars(text.data(), end, number);
        problem != std::errc{} || at != end)
      refuse("the metadata '", key, "' are '", tamp::detail::shown(text), "' and not a count");
    return number;
  }
  /// @throws value_error that names both values if the file holds another one than is wanted
  void expect(const std::string& key, std::string_view wanted, std::string_view saved_with,
              std::string_view here) const {
    if (const std::string& saved = metadata(key); saved != wanted)
      tamp::detail::raise<value_error>(name_, ": ", saved_with, ' ', tamp::detail::shown(saved),
                                       here, wanted);
  }

  void read(const std::string& name, std::vector<double>& numbers) {
    if (const std::size_t dimensions = file_.at(name).shape.size(); dimensions != 1)
      refuse("tensor '", name, "' has ", dimensions, " dimensions instead of 1");
    const auto values = file_.values<double>(name);
    numbers.assign(values.begin(), values.end());
    ++fields_;
  }
  template <std::unsigned_integral Word>
  void read(const std::string& name, Word& word) {
    const auto values = file_.values<std::int64_t>(name);
    if (values.size() != 1) refuse("tensor '", name, "' holds ", values.size(), " counts");
    word = std::bit_cast<std::uint64_t>(values[0]);
    ++fields_;
  }
  /// Calls validate(), and adds the name of the file to its error.
  template <class Validate>
  void check_contents(const Validate& validate) const {
#if TAMP_EXCEPTIONS
    try {
      validate();
    } catch (const value_error& problem) {
      tamp::detail::raise<value_error>(name_, ": ", problem.what());
    }
#else
    validate();
#endif
  }
  /// Refuses a file that holds more than was asked for.
  void finish() const {
    if (fields_ != file_.tensors().size())
      refuse("holds ", file_.tensors().size(), " tensors, a ", noun_, " like this one has ",
             fields_);
  }

 private:
  std::string name_;
  std::string_view noun_;
  safetensors_file file_;
  std::size_t fields_ = 0;
};

}  // namespace tamp::inline TAMP_FLAGS::io::detail
