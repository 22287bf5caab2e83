#pragma once

/// @file
/// JSON as a stream of events, without duplicate keys. Needs nlohmann-json.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../../error.hpp"
#include "shown.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The keys of the objects that a parser is inside of. They lie one after another in one text, so
/// that millions of short ones take little more memory than the JSON does.
class open_keys {
 public:
  void open() { objects_.push_back(keys_.size()); }
  void add(std::string_view key) {
    std::uint64_t first = 0;
    for (std::size_t k = 0; k < sizeof first; ++k)
      first = first << 8 | (k < key.size() ? static_cast<unsigned char>(key[k]) : 0u);
    keys_.push_back({first, text_.size(), key.size()});
    text_ += key;
  }
  /// Leaves the innermost object.
  /// @returns a key that it had twice
  std::optional<std::string> close() {
    const auto keys = std::span(keys_).subspan(objects_.back());
    const std::size_t begin = keys.empty() ? text_.size() : keys.front().begin;
    const auto less = [&](const place& a, const place& b) {
      return a.first != b.first ? a.first < b.first : key_at(a) < key_at(b);
    };
    if (!std::is_sorted(keys.begin(), keys.end(), less)) std::sort(keys.begin(), keys.end(), less);
    const auto twice =
        std::adjacent_find(keys.begin(), keys.end(),
                           [&](const place& a, const place& b) { return key_at(a) == key_at(b); });
    std::optional<std::string> found;
    if (twice != keys.end()) found = key_at(*twice);
    keys_.resize(objects_.back());
    objects_.pop_back();
    text_.resize(begin);
    return found;
  }

 private:
  struct place {
    std::uint64_t first;  // the first bytes as a number, which spares most looks at the text
    std::size_t begin, size;
  };
  std::string_view key_at(const place& p) const noexcept {
    return std::string_view(text_).substr(p.begin, p.size);
  }

  std::string text_;
  std::vector<place> keys_;
  std::vector<std::size_t> objects_;  // the first key of each
};

/// Hands the events of nlohmann's parser on to a consumer, as long as the JSON is an object of
/// bounded depth and without duplicate keys. A consumer has begin_object, end_object, begin_list,
/// end_list, key(std::string&) and value of null, bool, std::uint64_t, std::int64_t (negative),
/// double and std::string&.
template <class Consumer>
class strict_events {
 public:
  strict_events(int deepest, Consumer& consumer) : deepest_(deepest), consumer_(consumer) {}

  bool null() { return value(nullptr); }
  bool boolean(bool given) { return value(given); }
  bool number_integer(std::int64_t given) { return value(given); }
  bool number_unsigned(std::uint64_t given) { return value(given); }
  bool number_float(double given, const std::string&) { return value(given); }
  bool string(std::string& given) { return value(given); }
  bool binary(nlohmann::json::binary_t&) { return false; }  // no part of text

  bool start_object(std::size_t) {
    if (depth_ == 0) is_object_ = true;
    if (!enter()) return false;
    keys_.open();
    if (is_object_) consumer_.begin_object();
    return true;
  }
  bool key(std::string& given) {
    if (too_deep()) return false;
    keys_.add(given);
    if (is_object_) consumer_.key(given);
    return true;
  }
  bool end_object() {
    --depth_;
    duplicate_ = keys_.close();
    if (duplicate_) return false;
    if (is_object_) consumer_.end_object();
    return true;
  }
  bool start_array(std::size_t) {
    if (!enter()) return false;
    if (is_object_) consumer_.begin_list();
    return true;
  }
  bool end_array() {
    --depth_;
    if (is_object_) consumer_.end_list();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) {
    return false;
  }

  bool is_object() const noexcept { return is_object_; }
  bool too_deep() const noexcept { return depth_ > deepest_; }
  const std::optional<std::string>& duplicate() const noexcept { return duplicate_; }

 private:
  bool enter() {
    if (too_deep()) return false;
    ++depth_;
    return true;
  }
  template <class Value>
  bool value(Value&& given) {
    if (too_deep()) return false;
    if (is_object_) consumer_.value(given);
    return true;
  }

  int deepest_, depth_ = 0;
  bool is_object_ = false;
  std::optional<std::string> duplicate_;
  open_keys keys_;
  Consumer& consumer_;
};

/// Reads an object in JSON, of bounded depth and without duplicate keys, in one pass. `file` and
/// `what`, such as "the header", are for the error.
/// @throws file_error if the text is anything else; the consumer may have seen a part of it then
template <class Consumer>
void read_object(std::string_view text, int deepest, std::string_view file, std::string_view what,
                 Consumer& consumer) {
  // The parser takes a zero byte for the end of the text.
  const bool has_zero = text.find('\0') != std::string_view::npos;
  strict_events<Consumer> events(deepest, consumer);
  const bool valid = !has_zero && nlohmann::json::sax_parse(text.begin(), text.end(), &events);
  if (events.too_deep())
    raise<file_error>(file, ": ", what, "'s JSON is nested more than ", deepest, " levels deep");
  if (events.duplicate())
    raise<file_error>(file, ": ", what, " has the key '", shown(*events.duplicate()), "' twice");
  if (!valid) raise<file_error>(file, ": ", what, " is not valid JSON");
  if (!events.is_object()) raise<file_error>(file, ": ", what, " is not a JSON object");
}

}  // namespace tamp::inline TAMP_FLAGS::detail
