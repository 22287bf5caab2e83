#include "refinement.hpp"

#include <charconv>
#include <system_error>
#include <tamp/error.hpp>
#include <tamp/refine/dsnot.hpp>

namespace tamp_prune {
namespace {

// The number behind "swaps:", of at most 6 digits.
std::optional<std::size_t> swaps_of(std::string_view step) {
  constexpr std::string_view name = "swaps:";
  constexpr std::size_t most_digits = 6;
  if (!step.starts_with(name) || step.size() > name.size() + most_digits) return std::nullopt;
  step.remove_prefix(name.size());
  std::size_t number = 0;
  const char* const end = step.data() + step.size();
  const auto [at, problem] = std::from_chars(step.data(), end, number);
  if (problem != std::errc{} || at != end || number == 0) return std::nullopt;
  return number;
}

}  // namespace

std::string refinement::label() const {
  if (is_dsnot) return tamp::refine::dsnot{}.label();
  std::string text;
  if (swaps) text = tamp::detail::sentence("swaps ", *swaps);
  if (repairs) text += text.empty() ? "repair" : ", repair";
  return text;
}

refinement refinement_of(std::string_view text) {
  refinement asked;
  if (text == "dsnot") {
    asked.is_dsnot = true;
    return asked;
  }
  const std::size_t plus = text.find('+');
  const std::string_view first = text.substr(0, plus);
  if (first != "repair") asked.swaps = swaps_of(first);
  asked.repairs = plus == text.npos ? first == "repair" : text.substr(plus + 1) == "repair";
  const bool is_whole =
      plus == text.npos ? asked.swaps || asked.repairs : asked.swaps && asked.repairs;
  if (!is_whole)
    throw tamp::value_error(tamp::detail::sentence(
        "--refine: there is no refinement '", text,
        "'; there are swaps:25 (any number from 1 on), repair, swaps:25+repair and dsnot"));
  return asked;
}

}  // namespace tamp_prune
