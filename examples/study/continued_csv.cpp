#include "continued_csv.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <tamp/error.hpp>

namespace study {
namespace {

// What a regular file holds. Devices and pipes are only written to.
std::string contents(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) return {};
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw tamp::file_error("cannot read " + path);
  return text;
}

constexpr std::string_view before_fingerprints = "; fingerprints: ";

std::string first_line(const std::string& settings, const std::vector<fingerprinted>& measured_on) {
  std::string line = "# " + settings;
  std::string_view between = before_fingerprints;
  for (const auto& [what, fingerprint] : measured_on) {
    (line += between) += what + ' ' + fingerprint;
    between = ", ";
  }
  return line;
}

// What a file holds instead of rows of these settings and fingerprints, by its first line.
std::string other_rows(const std::string& line, const std::string& settings,
                       const std::vector<fingerprinted>& measured_on) {
  const std::string same = first_line(settings, {});
  if (line == same && !measured_on.empty())
    return "rows of an earlier version, which kept no fingerprints of what it measured";
  std::string differences;
  if (line.starts_with(same + std::string(before_fingerprints)))
    for (const auto& [what, fingerprint] : measured_on) {
      const std::size_t mark = line.find(' ' + what + ' ', same.size());
      if (mark == line.npos) continue;
      const std::size_t begin = mark + what.size() + 2;
      const std::string found = line.substr(begin, line.find(',', begin) - begin);
      if (found != fingerprint)
        differences += (differences.empty() ? "" : " and ") + ("the " + what) +
                       " had the fingerprint " + found + " and now has " + fingerprint;
    }
  if (!differences.empty()) return "rows of another model or other data: " + differences;
  return "rows of other settings (" + line + ")";
}

}  // namespace

void continued_csv::open(const std::string& path, const std::string& settings,
                         const std::string& columns, std::size_t key_columns,
                         const std::vector<fingerprinted>& measured_on) {
  const std::string head = first_line(settings, measured_on) + "\n" + columns + "\n";
  const std::string old = contents(path);
  if (head.starts_with(old)) {  // new, empty, or interrupted at once
    file_.open(path);
    file_.add(std::string_view(head).substr(old.size()));
    return;
  }
  if (!old.starts_with(head))
    throw tamp::file_error(path + " holds " +
                           other_rows(old.substr(0, old.find('\n')), settings, measured_on) +
                           "; name another file");
  // A line cut short by an interruption is dropped. The finished ones must not be lost if the
  // disk is full.
  const std::string whole =
      head + finished_rows(std::string_view(old).substr(head.size()),
                           std::count(columns.begin(), columns.end(), ','), key_columns);
  if (whole != old) write_whole(path, whole);
  file_.open(path);
}

const std::string* continued_csv::find(const std::string& key) const {
  const auto place = kept_.find(key);
  return place == kept_.end() ? nullptr : &place->second;
}

void continued_csv::add(const std::string& key, const std::string& values) {
  rows_.push_back(key + "," + values);
  if (file_.is_open()) file_.add(rows_.back() + "\n");
}

std::string continued_csv::finished_rows(std::string_view old, std::ptrdiff_t commas,
                                         std::size_t key_columns) {
  std::string rows;
  for (std::size_t begin = 0, end; (end = old.find('\n', begin)) != old.npos; begin = end + 1) {
    const std::string line(old.substr(begin, end - begin));
    if (std::count(line.begin(), line.end(), ',') != commas) continue;
    std::size_t behind = 0;  // the comma behind the key
    for (std::size_t column = 0; column < key_columns; ++column)
      behind = line.find(',', behind + (column != 0));
    kept_.emplace(line.substr(0, behind), line.substr(behind + 1));
    rows += line + '\n';
    rows_.push_back(line);
  }
  return rows;
}

}  // namespace study
