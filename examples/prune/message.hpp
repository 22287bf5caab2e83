#pragma once

// Numbers and texts as one text, which goes from rank to rank. All bits stay.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <tamp/error.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace tamp_prune {

class message {
 public:
  message() = default;
  explicit message(std::string text) : text_(std::move(text)) {}
  const std::string& text() const { return text_; }

  void add(std::uint64_t number) { append(&number, sizeof number); }
  template <class Container>
    requires requires(const Container& c) { c.data(); }
  void add(const Container& values) {
    static_assert(std::is_trivially_copyable_v<typename Container::value_type>);
    add(std::uint64_t{values.size()});
    append(values.data(), values.size() * sizeof values[0]);
  }

  // Takes what was added, in the same order.
  void take(std::uint64_t& number) { take_bytes(&number, sizeof number); }
  template <class Container>
    requires requires(Container& c) { c.resize(1); }
  void take(Container& values) {
    std::uint64_t size = 0;
    take(size);
    if (size > (text_.size() - at_) / sizeof values[0]) refuse();
    values.resize(size);
    take_bytes(values.data(), size * sizeof values[0]);
  }
  bool is_at_end() const { return at_ == text_.size(); }

 private:
  void append(const void* from, std::size_t bytes) {
    text_.append(static_cast<const char*>(from), bytes);
  }
  void take_bytes(void* to, std::size_t bytes) {
    if (bytes > text_.size() - at_) refuse();
    if (bytes != 0) std::memcpy(to, text_.data() + at_, bytes);
    at_ += bytes;
  }
  [[noreturn]] static void refuse() {
    throw tamp::error(
        "a message of another rank ends too early: all ranks must run the same "
        "tamp_prune");
  }

  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace tamp_prune
