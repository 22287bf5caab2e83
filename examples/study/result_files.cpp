#include "result_files.hpp"

#include <filesystem>
#include <ios>
#include <stdexcept>
#include <string_view>
#include <tamp/io/detail/replaced_file.hpp>
#include <utility>

#include "csv_file.hpp"

namespace study {
namespace {

void replace(const std::string& path, std::string_view text) {
  tamp::detail::replaced_file file(path);
  file.open(text);
  file.commit();
}

void save_summaries(const result_places& places, const result_table& table) {
  if (!places.json.empty()) replace(places.json, json_text(table, places.run));
  if (!places.markdown.empty()) replace(places.markdown, markdown_text(table, places.run));
}

bool are_one(const std::string& a, const std::string& b) {
  namespace fs = std::filesystem;
  return !a.empty() && !b.empty() && fs::weakly_canonical(a) == fs::weakly_canonical(b);
}

}  // namespace

void check(const result_places& places) {
  const auto& [csv, json, markdown, run] = places;
  for (const auto& [one, other] :
       {std::pair(csv, json), std::pair(csv, markdown), std::pair(json, markdown)})
    if (are_one(one, other))
      throw std::runtime_error(one + " is named for two formats of the results");
  for (const std::string& path : {json, markdown})
    if (!path.empty()) tamp::detail::replaced_file(path).open(std::string_view());
}

void save(const result_places& places, const result_table& table) {
  if (!places.csv.empty()) {
    csv_file file;
    file.open(places.csv, std::ios::trunc);
    file.add(csv_text(table));
  }
  save_summaries(places, table);
}

result_files::result_files(result_places places, std::string settings, std::vector<column> columns,
                           std::size_t key_columns)
    : places_(std::move(places)), settings_(std::move(settings)), columns_(std::move(columns)) {
  check(places_);
  if (!places_.csv.empty()) csv_.open(places_.csv, settings_, names_of(columns_), key_columns);
}

void result_files::finish() const {
  result_table table{settings_, columns_, {}};
  for (const std::string& row : csv_.rows()) table.rows.push_back(cells_of(row));
  save_summaries(places_, table);
}

}  // namespace study
