#include "unfinished_output.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/prune_report.hpp>
#include <utility>

namespace fs = std::filesystem;

namespace tamp_prune {
namespace {

using json = nlohmann::ordered_json;

template <class... Parts>
[[noreturn]] void refuse(const fs::path& path, const Parts&... parts) {
  throw tamp::file_error(tamp::detail::sentence(path.string(), ": ", parts...));
}

void check_place(const fs::path& out, const model_files& model, bool overwrite) {
  std::error_code problem;
  const fs::path target = fs::weakly_canonical(fs::absolute(out)),
                 source = fs::canonical(model.is_folder ? model.folder : model.path_of(0));
  if (target == source) refuse(out, "is the model itself");
  if (model.is_folder) {
    const auto [mine, its] =
        std::mismatch(source.begin(), source.end(), target.begin(), target.end());
    if (mine == source.end()) refuse(out, "lies inside the model ", model.folder.string());
  }
  const auto type = fs::status(out, problem).type();
  if (type == fs::file_type::not_found) return;
  if (model.is_folder || type != fs::file_type::regular) refuse(out, "exists already");
  if (!overwrite) refuse(out, "exists already; --overwrite replaces it");
}

// The lines that are complete: the last one may have been cut off.
std::vector<json> lines_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  std::vector<json> lines;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    json line = json::parse(text.substr(begin, end - begin), nullptr, false);
    if (line.is_discarded() || !line.is_object())
      refuse(path, "line ", lines.size() + 1, " is damaged; remove the folder to begin anew");
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

unfinished_output::unfinished_output(const fs::path& out, const model_files& model, const json& run,
                                     bool resume, bool overwrite)
    : out_(fs::absolute(out)), folder_(out_), model_(model), copied_(model.weights.size()) {
  if (out_.filename().empty()) out_ = out_.parent_path();
  folder_ = out_;
  folder_ += ".unfinished";
  check_place(out, model, overwrite);
  const bool exists = fs::exists(folder_);
  if (exists && !resume)
    refuse(folder_, "was left by an interrupted run: --resume goes on with it, or remove it");
  if (!exists) {
    std::error_code problem;
    const auto room = fs::space(out_.parent_path(), problem);
    if (problem) refuse(out, "cannot be written: ", problem.message());
    std::uint64_t needed = model.bytes();
    for (const fs::path& other : model.others) needed += fs::file_size(model.folder / other);
    if (room.available < needed)
      refuse(out, "needs ", needed, " bytes, and the disk has room for ", room.available);
    fs::create_directory(folder_, problem);
    if (problem) refuse(folder_, "cannot be created: ", problem.message());
  }
  journal_ = open_file(folder_ / "journal", O_RDWR | O_CREAT | O_APPEND);
  if (::flock(journal_, LOCK_EX | LOCK_NB) != 0) refuse(folder_, "another run is writing there");
  // A run that was stopped before its first line has done nothing.
  if (fs::file_size(folder_ / "journal") == 0)
    begin(run);
  else
    go_on(run);
}

unfinished_output::~unfinished_output() {
  for (const int file : files_) ::close(file);
  if (journal_ >= 0) ::close(journal_);
}

void unfinished_output::begin(const json& run) {
  create_files();
  for (const fs::path& other : model_.others) {
    const fs::path to = folder_ / "files" / other;
    fs::create_directories(to.parent_path());
    fs::copy_file(model_.folder / other, to, fs::copy_options::overwrite_existing);
  }
  append(run);
}

void unfinished_output::go_on(const json& run) {
  const fs::path path = folder_ / "journal";
  const auto lines = lines_of(path);
  if (lines.empty()) {  // the first line was cut off
    if (::ftruncate(journal_, 0) != 0) fail(path, "cannot be written");
    return begin(run);
  }
  for (const auto& [key, value] : run.items()) {
    const auto found = lines[0].find(key);
    if (found == lines[0].end() || *found != value)
      refuse(folder_, "was begun with another ", key, ": ",
             found == lines[0].end() ? std::string("none") : found->dump(), ", and not ",
             value.dump());
  }
  create_files();
  for (std::size_t k = 1; k < lines.size(); ++k) {
    if (const auto file = lines[k].find("copied"); file != lines[k].end())
      copied_.at(file->get<std::size_t>()) = true;
    else
      layers_.push_back(lines[k].get<tamp::layer_report>());
  }
  // What follows the last complete line is written again.
  std::size_t size = 0;
  for (const json& line : lines) size += line.dump().size() + 1;
  if (size > fs::file_size(path) || ::ftruncate(journal_, static_cast<::off_t>(size)) != 0)
    fail(path, "cannot be written");
}

// Opens the files, and creates those that are missing.
void unfinished_output::create_files() {
  for (std::size_t k = 0; k < model_.weights.size(); ++k) {
    const fs::path to = folder_ / "files" / model_.weights[k];
    fs::create_directories(to.parent_path());
    files_.push_back(open_file(to, O_RDWR | O_CREAT));
    const auto size = static_cast<::off_t>(fs::file_size(model_.path_of(k)));
    if (::ftruncate(files_[k], size) != 0) fail(to, "cannot be written");
    struct ::stat status{};
    if (::stat(model_.path_of(k).c_str(), &status) == 0 &&
        ::fchmod(files_[k], status.st_mode & 0777u) != 0)
      fail(to, "cannot be written");
  }
}

void unfinished_output::append(const json& line) {
  const std::string text = line.dump() + '\n';
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto written = ::write(journal_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(folder_ / "journal", "cannot be written");
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

void unfinished_output::write(std::size_t file, std::uint64_t offset,
                              std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written =
        ::pwrite(files_[file], bytes.data(), bytes.size(), static_cast<::off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(folder_ / "files" / model_.weights[file], "cannot be written");
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void unfinished_output::note_copied(std::size_t file) {
  append({{"copied", file}});
  copied_[file] = true;
}
void unfinished_output::note_layer(const tamp::layer_report& layer) {
  const json line = layer;
  append(line);
}

void unfinished_output::commit() {
  for (std::size_t k = 0; k < files_.size(); ++k)
    if (::fsync(files_[k]) != 0) fail(folder_ / "files" / model_.weights[k], "cannot be written");
  const fs::path from =
      model_.is_folder ? folder_ / "files" : folder_ / "files" / model_.weights[0];
  if (::rename(from.c_str(), out_.c_str()) != 0) fail(out_, "cannot be put in place");
  const int parent = open_file(out_.parent_path(), O_RDONLY | O_DIRECTORY);
  static_cast<void>(::fsync(parent));  // some file systems cannot
  ::close(parent);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

int unfinished_output::open_file(const fs::path& path, int flags) const {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  if (file < 0) fail(path, "cannot be opened");
  return file;
}

void unfinished_output::fail(const fs::path& path, const char* what) const {
  refuse(path, what, ": ", std::strerror(errno));
}

}  // namespace tamp_prune
