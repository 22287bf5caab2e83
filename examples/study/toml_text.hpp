#pragma once

// Options in a file of TOML's form: a line for each, with a text, a number or a list.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <utility>
#include <vector>

#include "utf8.hpp"

namespace study {

// A text in quotation marks, in which anything may stand: "a \"b\" # c\n". A byte that is no UTF-8
// is written as Python writes it, the byte ff as \udcff, which stands for no character.
inline std::string toml_text(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string all = "\"";
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    const char c = text.front();
    const auto first = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      all += {'\\', c};
    else if (bytes == 0 || first < 0x20 || first == 0x7f)
      (all += bytes == 0 ? "\\udc" : "\\u00") += {digits[first >> 4], digits[first & 15]};
    else
      all += text.substr(0, bytes);
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return all + '"';
}

// An option with its values, as texts.
struct toml_option {
  std::string name;
  std::vector<std::string> values;
};

// Reads a file of options: `name = value`, where a value is "a text" with \" \\ \b \t \n \f \r and
// \u00e9, and \udcff for the byte ff, or 'a text' in which nothing is special; a word without blanks,
// such as a number; or a list of these, 0.3, 0.5 or [0.3, 0.5], in brackets over several lines if need
// be. # begins a comment outside of texts.
class toml_reader {
 public:
  explicit toml_reader(std::string_view text) : text_(text) {}

  // Throws tamp::value_error, which begins with the number of the line, for anything else.
  std::vector<toml_option> read() {
    std::vector<toml_option> all;
    while (pass_blanks(true)) {
      if (text_[at_] == '[') refuse("there are no sections");
      toml_option option{name(), {}};
      const bool has_value = pass_blanks(false) && text_[at_] == '=';
      if (option.name.empty() || !has_value)
        refuse("an option and its value are expected, as in score = \"wanda\"");
      for (const toml_option& earlier : all)
        if (earlier.name == option.name) refuse(option.name, " is there twice");
      ++at_;
      option.values = values();
      if (pass_blanks(false) && text_[at_] != '\n')
        refuse("there is more behind the value of ", option.name,
               ": a text with blanks needs quotation marks");
      all.push_back(std::move(option));
    }
    return all;
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    std::size_t line = 1;
    for (const char c : text_.substr(0, at_)) line += c == '\n';
    throw tamp::value_error(tamp::detail::sentence("line ", line, ": ", parts...));
  }
  // Passes over blanks and comments. Returns true if something else follows: the end of a line, if
  // these are not passed, too.
  bool pass_blanks(bool and_lines) {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '#')
        at_ = std::min(text_.find('\n', at_), text_.size()) - 1;
      else if (c != ' ' && c != '\t' && c != '\r' && (c != '\n' || !and_lines))
        return true;
    }
    return false;
  }

  std::string name() {
    if (text_[at_] == '"' || text_[at_] == '\'') return text();
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::string_view("=# \t\r\n").find(text_[at_]) == text_.npos)
      ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }
  std::vector<std::string> values() {
    std::vector<std::string> all;
    if (!pass_blanks(false) || text_[at_] == '\n') refuse("there is no value");
    if (text_[at_] != '[') {
      all.push_back(value());
      for (; pass_blanks(false) && text_[at_] == ','; all.push_back(value()))
        if (++at_; !pass_blanks(false)) refuse("a value is missing behind the comma");
      return all;
    }
    for (++at_; pass_blanks(true) && text_[at_] != ']';) {
      all.push_back(value());
      if (pass_blanks(true) && text_[at_] == ',')
        ++at_;
      else if (at_ < text_.size() && text_[at_] != ']')
        refuse("a list has commas between its values");
    }
    if (at_ == text_.size()) refuse("the list has no end");
    if (all.empty()) refuse("the list has no value");
    ++at_;
    return all;
  }
  std::string value() {
    if (text_[at_] == '"' || text_[at_] == '\'') return text();
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::string_view("[],\"'# \t\r\n").find(text_[at_]) == text_.npos)
      ++at_;
    if (at_ == begin) refuse("a value is missing");
    return std::string(text_.substr(begin, at_ - begin));
  }
  std::string text() {
    const char mark = text_[at_++];
    std::string all;
    for (; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == mark) {
        ++at_;
        return all;
      }
      if (text_[at_] == '\\' && mark == '"')
        all += escaped();
      else
        all += text_[at_];
    }
    refuse("the text has no end: ", mark, " is missing");
  }
  // The characters of a backslash and the letters behind it. Ends on the last letter.
  std::string escaped() {
    constexpr std::string_view letters = "\"\\btnfr", meant = "\"\\\b\t\n\f\r";
    if (++at_ < text_.size()) {
      if (const std::size_t k = letters.find(text_[at_]); k != letters.npos) return {meant[k]};
      if (text_[at_] == 'u') return utf8(code());
    }
    refuse("in \"...\" a backslash is written \\\\");
  }
  unsigned code() {
    unsigned number = 0;
    for (int k = 0; k < 4; ++k) {
      const std::size_t digit =
          ++at_ < text_.size()
              ? std::string_view("0123456789abcdef0123456789ABCDEF").find(text_[at_])
              : text_.npos;
      if (digit == text_.npos) refuse("four hexadecimal digits are expected behind \\u");
      number = 16 * number + static_cast<unsigned>(digit % 16);
    }
    const bool is_byte = number >= 0xdc80 && number <= 0xdcff;
    if (number >= 0xd800 && number < 0xe000 && !is_byte)
      refuse("\\ud800 to \\udfff are no characters");
    return number;
  }
  static std::string utf8(unsigned code) {
    const auto byte = [](unsigned bits) { return static_cast<char>(bits); };
    if (code < 0x80) return {byte(code)};
    if (code >= 0xdc80 && code <= 0xdcff) return {byte(code & 0xff)};
    if (code < 0x800) return {byte(0xc0 | code >> 6), byte(0x80 | (code & 63))};
    return {byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 63)), byte(0x80 | (code & 63))};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace study
