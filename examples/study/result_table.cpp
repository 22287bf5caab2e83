#include "result_table.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace study {
namespace {

using json = nlohmann::ordered_json;

// Null for what is no number: nothing, or one that is not finite.
json number(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  return value.is_number() ? value : json();
}

json json_of(const run_option& option) {
  json all = json::array();
  for (const std::string& text : option.values) {
    json value = option.is_number ? number(text) : json();
    all.push_back(value.is_null() ? json(text) : value);
  }
  return option.is_list ? all : all.at(0);
}

std::string csv_cell(const std::string& cell) {
  if (cell.find_first_of(",\"\n") == cell.npos) return cell;
  std::string text = "\"";
  for (const char c : cell) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + '"';
}

// Whole numbers as they are, others with three digits below 10 and one below 1000.
std::string readable(const std::string& cell) {
  const json value = number(cell);
  if (!value.is_number_float()) return cell.empty() ? "-" : cell;
  const double size = std::abs(value.get<double>());
  return fmt::format("{:.{}f}", value.get<double>(), size >= 1000 ? 0 : size >= 10 ? 1 : 3);
}

std::string escaped(const std::string& cell) {
  std::string text;
  for (const char c : cell) text += c == '|' ? std::string("\\|") : std::string(1, c);
  return text;
}

template <class Cell>
std::string line(std::size_t count, std::string_view before, std::string_view between,
                 std::string_view after, const Cell& cell) {
  std::string text(before);
  for (std::size_t c = 0; c < count; ++c) (text += c == 0 ? "" : between) += cell(c);
  return (text += after) + '\n';
}

}  // namespace

std::vector<column> around(const std::vector<column>& before, const std::vector<column>& qualities,
                           const std::vector<column>& after) {
  std::vector<column> all = before;
  all.insert(all.end(), qualities.begin(), qualities.end());
  all.insert(all.end(), after.begin(), after.end());
  return all;
}

std::string names_of(const std::vector<column>& columns) {
  std::string names;
  for (const column& c : columns) (names += names.empty() ? "" : ",") += c.name;
  return names;
}

std::string cell_of(double number) {
  return std::isnan(number) ? std::string() : fmt::format("{}", number);
}

std::string with_decimals(double number, int decimals) {
  const std::string text = fmt::format("{:.{}f}", number, decimals);
  return std::strtod(text.c_str(), nullptr) == number ? text : cell_of(number);
}

std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells(1);
  for (const char c : line)
    if (c == ',')
      cells.emplace_back();
    else
      cells.back() += c;
  return cells;
}

std::string csv_text(const result_table& table) {
  std::string text = "# " + table.settings + '\n' + names_of(table.columns) + '\n';
  for (const auto& row : table.rows)
    text += line(row.size(), "", ",", "", [&](std::size_t c) { return csv_cell(row[c]); });
  return text;
}

std::string json_text(const result_table& table, const run_description& run) {
  json options = json::object(), units = json::object(), rows = json::array();
  for (const run_option& option : run.options) options[option.name] = json_of(option);
  for (const column& c : table.columns)
    if (!c.unit.empty()) units[c.name] = c.unit;
  for (const auto& row : table.rows) {
    json& object = rows.emplace_back(json::object());
    for (std::size_t c = 0; c < row.size(); ++c)
      object[table.columns[c].name] = table.columns[c].is_words ? json(row[c]) : number(row[c]);
  }
  const json all = {{"program", run.program}, {"made_with", run.made_with},
                    {"run", options},         {"settings", table.settings},
                    {"units", units},         {"rows", rows}};
  // Names of files may be any bytes.
  return all.dump(1, ' ', false, json::error_handler_t::replace) + '\n';
}

std::string markdown_text(const result_table& table, const run_description& run) {
  const std::size_t count = table.columns.size();
  const auto row_of = [&](const auto& cell) { return line(count, "| ", " | ", " |", cell); };
  std::string text = table.settings + "\n\n";
  text += row_of([&](std::size_t c) {
    const auto& [name, unit, is_words] = table.columns[c];
    return unit.empty() || name.ends_with("_" + unit) ? name : name + ", " + unit;
  });
  text += line(count, "|", "|", "|", [&](std::size_t c) {
    return std::string(table.columns[c].is_words ? "---" : "---:");
  });
  for (const auto& row : table.rows)
    text += row_of([&](std::size_t c) {
      return table.columns[c].is_words ? escaped(row[c]) : readable(row[c]);
    });
  return text + "\nThe run, as `" + run.program + " --run FILE` repeats it:\n\n```toml\n" +
         run_text(run) + "```\n";
}

}  // namespace study
