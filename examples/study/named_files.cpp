#include "named_files.hpp"

#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <tamp/error.hpp>
#include <tamp/io/detail/replaced_file.hpp>

#include "csv_file.hpp"

namespace study {
namespace {

// Where a file is, or would be: a link whose file does not exist yet is followed, too.
std::filesystem::path place_of(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code problem;
  fs::path path = fs::absolute(name, problem);
  constexpr int most_links = 40;
  for (int links = 0; links < most_links && fs::is_symlink(fs::symlink_status(path, problem));
       ++links)
    path = path.parent_path() / fs::read_symlink(path, problem);
  fs::path place = fs::weakly_canonical(path, problem);
  return problem ? path.lexically_normal() : place;
}

bool is_device(const std::string& path) {
  std::error_code problem;
  return std::filesystem::is_other(std::filesystem::status(path, problem));
}

void probe(const std::filesystem::path& path) {
  tamp::detail::replaced_file(path).open(std::string_view());
}

// The folder of a file, or what exists of its path.
std::filesystem::path existing_folder_of(const std::filesystem::path& file) {
  std::error_code problem;
  std::filesystem::path folder = std::filesystem::absolute(file, problem).parent_path();
  while (!std::filesystem::exists(folder, problem) && folder.has_relative_path())
    folder = folder.parent_path();
  return folder;
}

}  // namespace

bool is_one_file(const std::string& one, const std::string& other) {
  std::error_code problem;  // one of them does not exist
  return std::filesystem::equivalent(one, other, problem) || place_of(one) == place_of(other);
}

void refuse_replacing(const std::vector<std::string>& inputs,
                      const std::vector<output_file>& outputs) {
  std::map<std::filesystem::path, const output_file*> places;
  for (const output_file& output : outputs) {
    if (output.path.empty() || is_device(output.path)) continue;
    for (const std::string& input : inputs)
      if (!input.empty() && is_one_file(input, output.path))
        tamp::detail::raise<tamp::value_error>(
            output.option, ": ", output.path, " is a file that the run reads",
            input == output.path ? "" : " (" + input + ")", "; name another one");
    const auto [place, is_new] = places.emplace(place_of(output.path), &output);
    if (!is_new && place->second->option != output.option)
      tamp::detail::raise<tamp::value_error>(place->second->option, " and ", output.option,
                                             " both write ", output.path, "; name two files");
  }
}

void refuse_unwritable(const std::vector<output_file>& outputs) {
  std::set<std::filesystem::path> folders;
  for (const output_file& output : outputs) {
    if (output.path.empty()) continue;
    const std::filesystem::path path(output.path);
    std::error_code problem;
    if (output.how == written::in_a_folder) {
      const std::filesystem::path folder = existing_folder_of(path);
      if (!folders.insert(folder).second) continue;
      if (!std::filesystem::is_directory(folder, problem))
        tamp::detail::raise<tamp::file_error>(output.option, ": ", output.path,
                                              " cannot be written: ", folder.string(),
                                              " is no folder");
      probe(folder / path.filename());
    } else if (output.how == written::by_rows && std::filesystem::exists(path, problem)) {
      csv_file().open(output.path);
    } else {
      probe(path);
    }
  }
}

}  // namespace study
