#include "output_place.hpp"

#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "owned_file.hpp"
#include "sentences.hpp"

namespace fs = std::filesystem;

namespace tamp_prune {
namespace {

// The last line of a journal, if that is complete.
std::string last_line(const fs::path& journal) {
  std::ifstream file(journal, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!text.ends_with('\n')) return {};
  text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

// True if a run was stopped after it had put the output in its place.
bool was_put_in_place(const output_place& place, const model_files& model) {
  const auto line = nlohmann::json::parse(last_line(place.journal()), nullptr, false);
  return line.is_object() && line.contains("complete") && !fs::exists(place.written(model, 0));
}

bool is_being_written(const output_place& place) {
  const owned_file journal(place.journal(), O_RDONLY);
  return journal && ::flock(journal.number(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

output_place resolved(const fs::path& out, const model_files& model) {
  if (out.empty()) throw tamp::file_error("--out is empty");
  const bool has_slash = out.filename().empty();
  const fs::path name = has_slash ? out.parent_path() : out;
  if (name.filename().empty() || name.filename() == "." || name.filename() == "..")
    refuse(out, "names nothing that can be written");
  if (has_slash && !model.becomes_folder()) refuse(out, "names a folder, and the model is a file");
  const fs::path parent = fs::absolute(name).parent_path();
  if (!fs::is_directory(parent))
    refuse(out, "cannot be written: there is no folder ", parent.string());
  output_place place;
  place.out = fs::canonical(parent) / name.filename();
  if (fs::is_symlink(place.out)) {
    if (!fs::exists(place.out)) refuse(out, "is a link to nothing");
    place.out = fs::canonical(place.out);
  }
  place.unfinished = place.out;
  place.unfinished += ".unfinished";
  return place;
}

}  // namespace

bool lies_in(const fs::path& path, const fs::path& folder) {
  const fs::path inner = fs::weakly_canonical(fs::absolute(path)),
                 outer = fs::weakly_canonical(fs::absolute(folder));
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

output_place place_of(const fs::path& out, const model_files& model, resuming resume,
                      bool overwrite, bool packed) {
  return in_sentences([&] {
    output_place place = resolved(out, model);
    place.is_packed = packed;
    for (const fs::path& source : model.sources()) {
      if (place.out == fs::canonical(source)) refuse(out, "is the model itself");
      if (model.is_folder && lies_in(place.out, source))
        refuse(out, "lies inside the model ", source.string());
      if (lies_in(source, place.unfinished))
        refuse(out, "cannot be written: the model lies in ", place.unfinished.string(),
               ", where the parts of the output would be");
    }
    const bool was_begun = fs::exists(place.unfinished);
    if (was_begun && is_being_written(place))
      refuse(place.unfinished, "another run is writing there");
    const auto type = fs::status(place.out).type();
    place.is_taken = resume == resuming::now && was_begun && type != fs::file_type::not_found &&
                     was_put_in_place(place, model);
    if (type != fs::file_type::not_found && !place.is_taken) {
      if (model.becomes_folder() || type != fs::file_type::regular) refuse(out, "exists already");
      if (!overwrite) refuse(out, "exists already; --overwrite replaces it");
    }
    if (was_begun && resume != resuming::now)
      refuse(place.unfinished, "is of a run that was interrupted, or has just begun: ",
             resume == resuming::never ? "" : "--resume goes on with it, or ",
             "remove it if no other run is writing there");
    return place;
  });
}

}  // namespace tamp_prune
