#include "unfinished_output.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/prune_report.hpp>
#include <utility>

#include "sentences.hpp"

namespace fs = std::filesystem;

namespace tamp_prune {
namespace {

using json = nlohmann::ordered_json;

// Differs after the system was started again; empty if that is unknown.
std::string system_start() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  return text;
}

struct journal_lines {
  std::vector<json> lines;
  std::vector<std::size_t> ends;  // of each, in bytes

  // True if the system that wrote the last line was not started again since. `starts` are those of
  // the systems that are known.
  bool is_of(const std::vector<std::string>& starts) const {
    for (std::size_t k = lines.size(); k-- > 0;)
      if (const auto start = lines[k].find("system_start"); start != lines[k].end())
        return *start != "" &&
               std::any_of(starts.begin(), starts.end(),
                           [&](const std::string& known) { return *start == known; });
    return false;
  }
  // The number of lines that the files agree with. What was not synced before the system was
  // started again may not have reached the disk.
  std::size_t believed(const std::vector<std::string>& starts) const {
    if (is_of(starts)) return lines.size();
    for (std::size_t k = lines.size(); k-- > 0;)
      if (lines[k].contains("synced") || lines[k].contains("complete")) return k + 1;
    return 0;
  }
};

// The lines that are complete: the last one may have been cut off.
journal_lines read_journal(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  journal_lines journal;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    json line = json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                            text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    if (!line.is_object())
      refuse(path, "line ", journal.lines.size() + 1,
             " is damaged; remove the folder to begin anew");
    journal.lines.push_back(std::move(line));
    journal.ends.push_back(end + 1);
  }
  return journal;
}

bool sync(const owned_file& file) {
  return ::fsync(file.number()) == 0 || errno == EINVAL || errno == ENOTSUP;  // some cannot
}

// The journals of ranks other than the first, of this run or an earlier one.
std::vector<fs::path> journals_of_others(const output_place& place) {
  const std::string beginning = place.journal().filename().string() + '.';
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(place.unfinished))
    if (entry.path().filename().string().starts_with(beginning)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

bool is_locked_by_another(const owned_file& journal) {
  return ::flock(journal.number(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

// Waits until a file or folder, and all below it, is on the disk.
void sync_all(const fs::path& path) {
  if (fs::is_directory(path))
    for (const auto& entry : fs::directory_iterator(path)) sync_all(entry.path());
  if (const owned_file file(path, O_RDONLY); !file || !sync(file))
    refuse(path, "cannot be written: ", std::strerror(errno));
}

}  // namespace

unfinished_output::unfinished_output(const fs::path& out, const model_files& model,
                                     std::vector<std::uint64_t> sizes, const json& run, bool resume,
                                     bool overwrite, bool packed, std::uint64_t packed_bytes,
                                     const team& ranks)
    : ranks_(ranks),
      starts_(ranks.gather(system_start())),
      model_(model),
      sizes_(std::move(sizes)),
      packed_bytes_(packed_bytes),
      may_replace_(overwrite),
      copied_(model.weights.size()) {
  ranks.on_first([&] {
    place_ = place_of(out, model, resume ? resuming::now : resuming::not_now, overwrite, packed);
    in_sentences([&] { begin_or_go_on(out, run, resume, overwrite); });
  });
  share_state();
  ranks.together([&] {
    if (!ranks.is_first() && !is_complete_) join();
  });
}

void unfinished_output::begin_or_go_on(const fs::path& out, const json& run, bool resume,
                                       bool overwrite) {
  std::error_code problem;
  const bool is_new = fs::create_directory(place_.unfinished, problem);
  if (problem) refuse(place_.unfinished, "cannot be created: ", problem.message());
  if (!is_new && !resume) refuse(place_.unfinished, "another run is writing there");
  journal_ = owned_file(place_.journal(), O_RDWR | O_CREAT | O_APPEND);
  if (!journal_) fail(place_.journal(), "cannot be opened");
  lock(out, overwrite);
  try {
    // A run that was stopped before its first line has done nothing.
    if (fs::file_size(place_.journal()) == 0)
      begin(run);
    else
      go_on(run);
  } catch (...) {
    if (is_new) remove_journal();
    throw;
  }
}

// Tells the other ranks where the output is, and what is done.
void unfinished_output::share_state() {
  std::string path, state;
  ranks_.together([&] {
    path = place_.out.string();
    const json layers = layers_;
    state = json{{"copied", copied_},
                 {"layers", layers},
                 {"complete", is_complete_},
                 {"taken", place_.is_taken},
                 {"packed", place_.is_packed}}
                .dump();
  });
  ranks_.broadcast(path);
  ranks_.broadcast(state);
  if (ranks_.is_first()) return;
  const json known = json::parse(state);
  place_.out = path;
  place_.unfinished = path + ".unfinished";
  place_.is_taken = known.at("taken").get<bool>();
  place_.is_packed = known.at("packed").get<bool>();
  is_complete_ = known.at("complete").get<bool>();
  copied_ = known.at("copied").get<std::vector<bool>>();
  layers_ = known.at("layers").get<std::vector<tamp::layer_report>>();
}

void unfinished_output::join() {
  if (!fs::exists(place_.unfinished))
    refuse(place_.unfinished,
           "was made by the first rank, and is not there: all ranks must see the same file system");
  const fs::path path = place_.journal(ranks_.rank());
  journal_ = owned_file(path, O_RDWR | O_CREAT | O_APPEND);
  if (!journal_) fail(path, "cannot be opened");
  if (is_locked_by_another(journal_)) refuse(path, "another run is writing there");
  open_files();
  append({{"system_start", system_start()}});
}

void unfinished_output::lock(const fs::path& out, bool overwrite) {
  if (is_locked_by_another(journal_)) refuse(place_.unfinished, "another run is writing there");
  // Another run may have come to its end between our first look and the lock.
  struct ::stat mine{}, named{};
  if (::fstat(journal_.number(), &mine) != 0 || ::stat(place_.journal().c_str(), &named) != 0 ||
      mine.st_ino != named.st_ino)
    refuse(place_.unfinished, "another run has just removed it");
  const auto type = fs::status(place_.out).type();
  if (type != fs::file_type::not_found && !place_.is_taken && !overwrite)
    refuse(out, "exists already");
}

void unfinished_output::begin(const json& run) {
  for (const fs::path& journal : journals_of_others(place_)) fs::remove(journal);
  fs::remove_all(place_.files());
  fs::remove_all(place_.packed());
  std::error_code problem;
  const auto room = fs::space(place_.unfinished, problem);
  std::uint64_t needed = std::accumulate(sizes_.begin(), sizes_.end(), packed_bytes_);
  for (const fs::path& other : model_.others) needed += fs::file_size(model_.folder / other);
  if (!problem && room.available < needed)
    refuse(place_.out, "needs ", needed, " bytes, and the disk has room for ", room.available);
  create_files();
  copy_others(true);
  append(run);
  append({{"system_start", system_start()}});
  if (ranks_.size() > 1) note_synced();  // lines of other journals are worth nothing without these
}

void unfinished_output::go_on(const json& run) {
  const fs::path path = place_.journal();
  const journal_lines journal = read_journal(path);
  if (!journal.lines.empty()) check_run(journal.lines[0], run);
  const std::size_t count = journal.believed(starts_);
  const auto end = count == 0 ? 0 : static_cast<::off_t>(journal.ends[count - 1]);
  if (::ftruncate(journal_.number(), end) != 0) fail(path, "cannot be written");
  if (count == 0) return begin(run);
  for (std::size_t k = 1; k < count; ++k) take(path, k, journal.lines[k]);
  take_journals_of_others();
  if (is_complete_) return;
  open_files();
  copy_others(!journal.is_of(starts_));
  append({{"system_start", system_start()}});
}

void unfinished_output::take_journals_of_others() {
  for (const fs::path& path : journals_of_others(place_)) {
    const owned_file file(path, O_RDWR);
    if (!file) fail(path, "cannot be opened");
    if (is_locked_by_another(file)) refuse(path, "another run is writing there");
    const journal_lines journal = read_journal(path);
    const std::size_t count = journal.believed(starts_);
    const auto end = count == 0 ? 0 : static_cast<::off_t>(journal.ends[count - 1]);
    if (::ftruncate(file.number(), end) != 0) fail(path, "cannot be written");
    for (std::size_t k = 0; k < count; ++k) take(path, k, journal.lines[k]);
  }
}

void unfinished_output::check_run(const json& begun, const json& run) const {
  for (const auto& [key, value] : run.items()) {
    const auto found = begun.find(key);
    if (found != begun.end() && *found == value) continue;
    if (found != begun.end() && found->is_string() && value.is_string())
      refuse(place_.unfinished, "was begun with the ", key, " ", found->get<std::string>(),
             " instead of ", value.get<std::string>(),
             "; go on with the options it was begun with, or remove it");
    refuse(place_.unfinished, "was begun with another ", key,
           "; go on with the options and files it was begun with, or remove it");
  }
}

// Takes the line k of a journal.
void unfinished_output::take(const fs::path& journal, std::size_t k, const json& line) {
  try {
    if (const auto file = line.find("copied"); file != line.end())
      copied_.at(file->get<std::size_t>()) = true;
    else if (const auto masks = line.find("masks"); masks != line.end())
      masks_ = *masks;
    else if (line.contains("complete"))
      is_complete_ = true;
    else if (!line.contains("system_start") && !line.contains("synced"))
      layers_.push_back(line.get<tamp::layer_report>());
  } catch (const std::exception&) {  // of nlohmann, or of tamp without the file's name
    refuse(journal, "line ", k + 1, " is damaged; remove the folder to begin anew");
  }
}

void unfinished_output::create_files() {
  for (std::size_t k = 0; k < model_.weights.size(); ++k) {
    const fs::path to = place_.file(model_, k);
    fs::create_directories(to.parent_path());
    files_.emplace_back(to, O_RDWR | O_CREAT);
    if (!files_[k]) fail(to, "cannot be created");
    const auto size = static_cast<::off_t>(sizes_[k]);
    if (::ftruncate(files_[k].number(), size) != 0) fail(to, "cannot be written");
#ifdef __linux__  // takes the room now, where the file system can
    if (size != 0 && ::fallocate(files_[k].number(), 0, 0, size) != 0 &&
        (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
      fail(to, "cannot be written");
#endif
  }
}

void unfinished_output::open_files() {
  for (std::size_t k = 0; k < model_.weights.size(); ++k) {
    const fs::path to = place_.file(model_, k);
    std::error_code problem;
    if (const auto size = fs::file_size(to, problem); problem || size != sizes_[k])
      refuse(to, "is damaged; remove ", place_.unfinished.string(), " to begin anew");
    // A run that was stopped in commit may have made it read-only, as the model's file is.
    fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write, fs::perm_options::add,
                    problem);
    files_.emplace_back(to, O_RDWR);
    if (!files_[k]) fail(to, "cannot be opened");
  }
}

void unfinished_output::copy_others(bool all) {
  for (const fs::path& other : model_.others) {
    const fs::path from = model_.folder / other, to = place_.files() / other;
    std::error_code problem;
    if (!all && fs::file_size(to, problem) == fs::file_size(from) && !problem) continue;
    fs::remove(to, problem);
    fs::create_directories(to.parent_path());
    if (!fs::copy_file(from, to, problem) || problem)
      refuse(to, "cannot be copied from ", from.string(), ": ", problem.message());
  }
}

void unfinished_output::append(const json& line) {
  const std::string text = line.dump() + '\n';
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto written = ::write(journal_.number(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(place_.journal(ranks_.rank()), "cannot be written");
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

void unfinished_output::write(std::size_t file, std::uint64_t offset,
                              std::span<const std::byte> bytes) {
  if (is_complete_)
    refuse(place_.journal(), "says that all is done, and lists fewer layers; remove ",
           place_.unfinished.string());
  unsynced_ += bytes.size();
  while (!bytes.empty()) {
    const auto written =
        ::pwrite(files_[file].number(), bytes.data(), bytes.size(), static_cast<::off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(place_.file(model_, file), "cannot be written");
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void unfinished_output::note_copied(std::size_t file) {
  note({{"copied", file}});
  copied_[file] = true;
}
void unfinished_output::note_layer(const tamp::layer_report& layer) {
  const json line = layer;
  note(line);
}

void unfinished_output::note_masks(const json& state) {
  masks_ = state;
  if (!is_complete_) note({{"masks", state}});  // the line that says so stays the last
}

void unfinished_output::note(const json& line) {
  append(line);
  if (unsynced_ >= sync_after) note_synced();
}

void unfinished_output::note_synced() {
  sync_files();
  append({{"synced", unsynced_}});
  if (!tamp_prune::sync(journal_)) fail(place_.journal(ranks_.rank()), "cannot be written");
  unsynced_ = 0;
}

void unfinished_output::sync() {
  if (ranks_.size() > 1 && unsynced_ != 0) note_synced();
}

void unfinished_output::sync_files() {
  for (std::size_t k = 0; k < files_.size(); ++k)
    if (!tamp_prune::sync(files_[k])) fail(place_.file(model_, k), "cannot be written");
}

void unfinished_output::commit() {
  if (place_.is_taken) return;
  in_sentences([&] {
    if (!is_complete_) {
      for (std::size_t k = 0; k < model_.weights.size(); ++k) {
        struct ::stat status{};
        const fs::path written = place_.written(model_, k);
        if (::stat(model_.path_of(k).c_str(), &status) == 0 &&
            ::chmod(written.c_str(), status.st_mode & 0777u) != 0)
          fail(written, "cannot be written");
      }
      if (!place_.is_packed) sync_files();
      sync_all(place_.result());
      append({{"complete", true}});
      if (!tamp_prune::sync(journal_)) fail(place_.journal(), "cannot be written");
      is_complete_ = true;
    }
    put_in_place();
  });
}

void unfinished_output::put_in_place() {
  const fs::path from = model_.becomes_folder() ? place_.result() : place_.written(model_, 0);
  int failed = -1;
#ifdef RENAME_NOREPLACE
  errno = EINVAL;
  if (!may_replace_)
    failed = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, place_.out.c_str(), RENAME_NOREPLACE);
  if (failed != 0 && (errno == EINVAL || errno == ENOSYS))  // not every file system can
#endif
    failed = ::rename(from.c_str(), place_.out.c_str());
  if (failed != 0) fail(place_.out, "cannot be put in place");
  place_.is_taken = true;
  const owned_file parent(place_.out.parent_path(), O_RDONLY | O_DIRECTORY);
  if (parent) static_cast<void>(tamp_prune::sync(parent));
}

void unfinished_output::remove_journal() {
  std::error_code ignored;
  fs::remove_all(place_.files(), ignored);
  fs::remove_all(place_.packed(), ignored);
  if (fs::is_directory(place_.unfinished, ignored))
    for (const fs::path& journal : journals_of_others(place_)) fs::remove(journal, ignored);
  fs::remove(place_.journal(), ignored);  // last, since it says that all is done
  fs::remove(place_.unfinished, ignored);
}

void unfinished_output::fail(const fs::path& path, const char* what) const {
  refuse(path, what, ": ", std::strerror(errno));
}

}  // namespace tamp_prune
