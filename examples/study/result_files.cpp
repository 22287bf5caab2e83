#include "result_files.hpp"

#include <exception>
#include <functional>
#include <tamp/error.hpp>
#include <utility>

#include "csv_file.hpp"
#include "named_files.hpp"

namespace study {
namespace {

// Writes one file of results, and keeps what went wrong for later.
void try_to_write(const std::string& path, const std::function<std::string()>& text,
                  std::string& problems) {
  if (path.empty()) return;
  try {
    write_whole(path, text());
  } catch (const std::exception& problem) {
    problems += (problems.empty() ? "" : "\n") + std::string(problem.what());
  }
}

void try_to_write_summaries(const result_places& places, const result_table& table,
                            std::string& problems) {
  try_to_write(places.json, [&] { return json_text(table, places.run); }, problems);
  try_to_write(places.markdown, [&] { return markdown_text(table, places.run); }, problems);
}

void refuse_if_any(const std::string& problems) {
  if (!problems.empty()) throw tamp::file_error(problems);
}

void check_all(const result_places& places, written how_csv) {
  const std::vector<output_file> outputs{
      {"--csv", places.csv, how_csv}, {"--json", places.json}, {"--markdown", places.markdown}};
  refuse_replacing({}, outputs);
  refuse_unwritable(outputs);
}

}  // namespace

void check(const result_places& places) { check_all(places, written::whole); }

void save(const result_places& places, const result_table& table) {
  std::string problems;
  try_to_write(places.csv, [&] { return csv_text(table); }, problems);
  try_to_write_summaries(places, table, problems);
  refuse_if_any(problems);
}

result_files::result_files(result_places places, std::string settings, std::vector<column> columns,
                           std::size_t key_columns)
    : places_(std::move(places)), settings_(std::move(settings)), columns_(std::move(columns)) {
  check_all(places_, written::by_rows);
  if (places_.csv.empty()) return;
  std::vector<fingerprinted> measured_on;
  const run_description& run = places_.run;
  if (!run.model_fingerprint.empty())
    measured_on = {{"model", run.model_fingerprint}, {"data", run.data_fingerprint}};
  csv_.open(places_.csv, settings_, names_of(columns_), key_columns, measured_on);
}

void result_files::finish() const {
  result_table table{settings_, columns_, {}};
  for (const std::string& row : csv_.rows()) table.rows.push_back(cells_of(row));
  std::string problems;
  try_to_write_summaries(places_, table, problems);
  refuse_if_any(problems);
}

}  // namespace study
