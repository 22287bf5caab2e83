#pragma once

// The parts of every fuzz target: a source of numbers made of the fuzzer's bytes, properties,
// and a name by which main.cpp finds the target.

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tamp/element.hpp>
#include <tamp/error.hpp>
#include <utility>
#include <vector>

namespace fuzz {

/// With what was refused last.
inline std::string last_refusal = "nothing was refused";

/// Ends the process, which makes the input a finding, unless a property holds.
inline void check(bool holds, std::string_view property) {
  if (holds) return;
  std::fprintf(stderr, "It does not hold that %.*s (%s)\n", static_cast<int>(property.size()),
               property.data(), last_refusal.c_str());
  std::abort();
}

/// The sentence with which `body` was refused, or nothing. Any other exception ends the process.
template <class Body>
std::optional<std::string> refusal(Body&& body) {
  try {
    body();
  } catch (const tamp::error& refused) {
    check(!std::string_view(refused.what()).empty(), "an error is a sentence");
    return last_refusal = refused.what();
  }
  return std::nullopt;
}

/// Equal to the bit: a NaN is itself, and +0 is not -0.
template <class A, class B>
bool same_bits(const A& a, const B& b) {
  return std::size(a) == std::size(b) &&
         (std::size(a) == 0 ||
          std::memcmp(std::data(a), std::data(b), std::size(a) * sizeof(*std::data(a))) == 0);
}

/// Numbers made of the fuzzer's bytes. Once these are used up it goes on with a random generator
/// that is seeded with them, so that few bytes give large inputs.
class source {
 public:
  explicit source(std::span<const std::uint8_t> bytes) : bytes_(bytes) {
    for (const std::uint8_t byte : bytes) state_ = (state_ ^ byte) * 0x100000001b3u;
  }

  /// All that is left of the fuzzer's own bytes.
  std::span<const std::uint8_t> rest() { return std::exchange(bytes_, {}); }

  std::uint8_t byte() {
    if (bytes_.empty()) return static_cast<std::uint8_t>(random() >> 56);
    const std::uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  template <class T>
  T bits() {
    std::array<std::uint8_t, sizeof(T)> raw;
    for (auto& b : raw) b = byte();
    return std::bit_cast<T>(raw);
  }
  bool flag() { return byte() % 2 != 0; }
  /// True once in `times`, which is at most 256.
  bool once_in(unsigned times) { return byte() % times == 0; }
  /// A count from `least` to `most`.
  std::size_t count(std::size_t least, std::size_t most) {
    const std::size_t range = most - least;
    const std::size_t number = range < 256 ? byte() : bits<std::uint32_t>();
    return least + number % (range + 1);
  }
  /// One of a few.
  template <class List>
  const auto& of(const List& list) {
    return std::data(list)[count(0, std::size(list) - 1)];
  }

  /// A size that is most often small, and else near those at which sums and products wrap.
  std::size_t size(std::size_t small) {
    if (!once_in(16)) return count(0, small);
    const std::size_t power = std::size_t{1} << count(0, 63);
    return power - 2 + count(0, 4);
  }

  /// A finite number: often one of few, so that some are equal, zeros of both signs, subnormals,
  /// the largest; else any.
  template <class Real>
  Real finite() {
    const unsigned kind = byte();
    using limits = std::numeric_limits<Real>;
    if (kind < 120) return static_cast<Real>(static_cast<int>(kind) - 60) / 8;
    if (kind < 124) return kind % 2 == 0 ? Real{0} : -Real{0};
    if (kind < 128)
      return (kind % 2 == 0 ? 1 : -1) * limits::denorm_min() * static_cast<Real>(kind);
    if (kind < 130) return kind % 2 == 0 ? (limits::max)() : limits::lowest();
    if (kind < 132) return kind % 2 == 0 ? (limits::min)() : -(limits::min)();
    if (kind < 192) return static_cast<Real>(bits<std::int16_t>()) / 4096;
    const Real any = bits<Real>();
    return tamp::is_finite(any) ? any : Real{1};
  }
  /// Any number at all.
  template <class Real>
  Real number() {
    if (!once_in(8)) return finite<Real>();
    const Real others[] = {std::numeric_limits<Real>::infinity(),
                           -std::numeric_limits<Real>::infinity(),
                           std::numeric_limits<Real>::quiet_NaN(), bits<Real>()};
    return of(others);
  }
  /// A fraction in [0, 1], often one of few; rarely any number.
  double fraction() {
    const unsigned kind = byte();
    if (kind < 100) return static_cast<double>(kind % 21) / 20;
    if (kind < 240) return static_cast<double>(bits<std::uint32_t>()) / 0xffffffffu;
    return kind < 248 ? std::nextafter(static_cast<double>(kind % 2), 0.5) : number<double>();
  }

  /// Numbers of one kind, by a function that gives them.
  template <class Make>
  auto list(std::size_t size, Make&& make) {
    std::vector<decltype(make())> all;
    all.reserve(size);
    for (std::size_t k = 0; k < size; ++k) all.push_back(make());
    return all;
  }
  template <class Real>
  std::vector<Real> finite_list(std::size_t size) {
    return list(size, [&] { return finite<Real>(); });
  }
  /// Text that need not be UTF-8.
  std::string text(std::size_t longest) {
    std::string all(count(0, longest), ' ');
    const bool plain = !once_in(4);
    for (char& c : all) c = plain ? "abc.*?\"\\ \n{}[]019"[byte() % 17] : static_cast<char>(byte());
    return all;
  }

 private:
  std::uint64_t random() {
    state_ += 0x9e3779b97f4a7c15u;  // SplitMix64
    std::uint64_t word = state_;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    return word ^ (word >> 31);
  }

  std::span<const std::uint8_t> bytes_;
  std::uint64_t state_ = 0xcbf29ce484222325u;
};

/// The run of a target on one input, and inputs to begin with.
struct part {
  void (*run)(source&);
  std::vector<std::string> (*seeds)();
};
/// A target gives every input to each of its parts.
using target = std::vector<part>;

inline std::map<std::string_view, target>& targets() {
  static std::map<std::string_view, target> all;
  return all;
}

/// Random bytes, for targets that make whatever they need of any.
inline std::vector<std::string> random_bytes() {
  std::vector<std::string> all;
  source in(std::span<const std::uint8_t>{});
  for (std::size_t size = 1; size <= 2048; size *= 4)
    for (int k = 0; k < 8; ++k) {
      all.emplace_back(size, ' ');
      for (char& c : all.back()) c = static_cast<char>(in.byte());
    }
  return all;
}

/// A variable of this type adds a part to the target of this name. Parts of one target read the
/// same kind of bytes, so that one corpus serves all of them.
struct registered {
  registered(std::string_view name, void (*run)(source&),
             std::vector<std::string> (*seeds)() = random_bytes) {
    targets()[name].push_back({run, seeds});
  }
};

}  // namespace fuzz
