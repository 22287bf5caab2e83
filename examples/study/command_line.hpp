#pragma once

// Mistakes of a command line, in sentences that name what was probably meant.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nearest_name.hpp"

namespace study {

// "--sparsty is no option. Did you mean --sparsity?".
inline std::string no_option(const CLI::App& app, std::string_view typed, std::string_view name,
                             std::string_view dashes = "--") {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options({}))
    names.insert(names.end(), option->get_lnames().begin(), option->get_lnames().end());
  const auto nearest = nearest_name(name, names);
  return fmt::format("{} is no option.{}", typed,
                     nearest ? fmt::format(" Did you mean {}{}?", dashes, *nearest) : "");
}

// The message of a failure, for CLI::App::failure_message. An option that does not exist comes first:
// its value may have been taken for something else, which is then wrong as well.
inline std::string sentences_of_failure(const CLI::App* app, const CLI::Error& problem) {
  std::string unknown;
  for (const std::string& argument : app->remaining()) {
    const std::string typed = argument.substr(0, argument.find('='));
    const std::size_t begin = typed.find_first_not_of('-');
    if (begin == 0 || begin == typed.npos || std::isdigit(static_cast<unsigned char>(typed[begin])))
      continue;
    unknown += (unknown.empty() ? "" : "\n") + no_option(*app, typed, typed.substr(begin));
  }
  if (unknown.empty()) return CLI::FailureMessage::simple(app, problem);
  return CLI::FailureMessage::simple(app, CLI::ExtrasError(unknown, CLI::ExitCodes::ExtrasError));
}

// Accepts some names alone, and says which one was probably meant.
inline CLI::Validator one_of(std::vector<std::string> names) {
  std::string description = CLI::IsMember(names).get_description();
  auto check = [names = std::move(names)](const std::string& typed) -> std::string {
    if (std::find(names.begin(), names.end(), typed) != names.end()) return "";
    const auto nearest = nearest_name(typed, names);
    return fmt::format("{} is not one of {}{}", typed, CLI::detail::join(names, ", "),
                       nearest ? fmt::format(". Did you mean {}?", *nearest) : "");
  };
  return {std::move(check), std::move(description)};
}
template <class Value>
CLI::Validator one_of(const std::map<std::string, Value>& named) {
  std::vector<std::string> names;
  for (const auto& [name, value] : named) names.push_back(name);
  return one_of(std::move(names));
}

// Accepts numbers from 0 to `most`, which is at most 1, and says how a percentage is written.
inline CLI::Validator fraction(double most = 1) {
  auto check = [most](const std::string& typed) -> std::string {
    const bool has_sign = typed.ends_with('%');
    double value = 0;
    const bool is_number =
        CLI::detail::lexical_cast(typed.substr(0, typed.size() - has_sign), value);
    if (is_number && !has_sign && value >= 0 && value <= most) return "";
    if (is_number && value <= 100 * most && (has_sign ? value >= 0 : value > 1))
      return fmt::format("{} is {}: for {:g} % write {:g}", typed,
                         has_sign ? "no number" : "above 1", value, value / 100);
    return fmt::format("{} is no number from 0 to {:g}", typed, most);
  };
  return {std::move(check), CLI::Range(0.0, most).get_description()};
}

}  // namespace study
