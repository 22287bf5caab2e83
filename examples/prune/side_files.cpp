#include "side_files.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sentences.hpp"

namespace fs = std::filesystem;

namespace tamp_prune {
namespace {

// A file that is written beside the model, and the option that asks for it.
struct side_file {
  std::string_view option;
  fs::path path;
};

std::vector<side_file> side_files(const settings& s) {
  std::vector<side_file> files;
  const auto add = [&](std::string_view option, const std::string& path) {
    if (!path.empty()) files.push_back({option, path});
  };
  add("--report", s.report);
  add("--save-plan", s.save_plan);
  add("--save-statistics", s.save_statistics);
  add("--masks", s.masks);
  return files;
}

// Checks that a file can be written, and changes nothing that is read or written otherwise.
void check_side_file(const side_file& file, const settings& s, const model_files& model,
                     const output_place& place) {
  const auto& [option, path] = file;
  for (const fs::path& source : model.sources())
    if (lies_in(path, source)) refuse(path, option, " would change the model");
  // Files of a cache are links to what lies elsewhere.
  for (std::size_t k = 0; k < model.weights.size(); ++k)
    if (lies_in(path, model.path_of(k))) refuse(path, option, " would change the model");
  for (const fs::path& other : model.others)
    if (lies_in(path, model.folder / other)) refuse(path, option, " would change the model");
  if (lies_in(path, place.unfinished))
    refuse(path, option, " lies in the folder of the unfinished output");
  for (const std::string& read :
       {s.statistics, s.text, s.vocabulary_text, option == "--save-plan" ? "" : s.plan})
    if (!read.empty() && lies_in(path, read)) refuse(path, option, " would replace what is read");
  const fs::path real = fs::weakly_canonical(fs::absolute(path));
  if (model.becomes_folder() && option == "--report" && real.parent_path() == place.out) {
    const auto is_it = [&](const fs::path& known) { return known == real.filename(); };
    if (std::any_of(model.weights.begin(), model.weights.end(), is_it) ||
        std::any_of(model.others.begin(), model.others.end(), is_it))
      refuse(path, option, " would replace a file of OUT");
    return;  // OUT is there when the report is written
  }
  if (lies_in(path, place.out)) refuse(path, option, " would replace OUT");
  const fs::path parent = fs::absolute(path).parent_path();
  if (!fs::is_directory(parent))
    refuse(path, option, " cannot be written: there is no folder ", parent.string());
  if (::access(parent.c_str(), W_OK) != 0)
    refuse(path, option, " cannot be written: ", std::strerror(errno));
  if (fs::exists(path) && !fs::is_regular_file(path))
    refuse(path, option, " cannot be written: it is no regular file");
}

}  // namespace

void check_side_files(const settings& s, const model_files& model, const output_place& place) {
  in_sentences([&] {
    const auto files = side_files(s);
    for (std::size_t k = 0; k < files.size(); ++k) {
      check_side_file(files[k], s, model, place);
      for (std::size_t earlier = 0; earlier < k; ++earlier)
        if (lies_in(files[k].path, files[earlier].path))
          refuse(files[k].path, files[k].option, " would replace the file of ",
                 files[earlier].option);
    }
  });
}

}  // namespace tamp_prune
