#pragma once

// Numbers along three axes, as a host may have them in memory: of any type and at any strides.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <tamp/dtype.hpp>
#include <tamp/element.hpp>
#include <vector>

namespace support {

/// A type of a host's own, with the bits of an f16.
struct host_half {
  std::uint16_t bits;
};
/// A type of a host's own, with bits that tamp has no name for: eighths.
struct host_eighths {
  std::int16_t eighths;
};

/// A way to store three axes.
struct storage {
  std::string name;
  std::array<std::size_t, 3> axes;  // the outermost first
  std::size_t step = 1;             // from one number of the innermost axis to the next
  std::size_t gap = 0;              // numbers between its lines
  bool backwards = false;           // all axes
};
inline const std::vector<storage> storages{{"in order", {0, 1, 2}},
                                           {"with a pitch", {0, 1, 2}, 1, 5},
                                           {"second axis first", {1, 0, 2}},
                                           {"second axis first, with a pitch", {1, 0, 2}, 1, 3},
                                           {"columns", {0, 2, 1}},
                                           {"columns with a pitch", {2, 0, 1}, 1, 2},
                                           {"last axis first", {2, 1, 0}},
                                           {"every third", {1, 0, 2}, 3, 1},
                                           {"backwards", {0, 1, 2}, 1, 0, true},
                                           {"columns backwards", {0, 2, 1}, 2, 4, true}};

/// Numbers (i, j, k) in memory of their own.
template <class T>
class stored_numbers {
 public:
  using at = std::function<float(std::size_t, std::size_t, std::size_t)>;

  stored_numbers(const std::array<std::size_t, 3>& extents, const storage& how, const at& number)
      : extents(extents) {
    std::size_t pitch = how.step;
    for (std::size_t a = 3; a-- > 0;) {
      strides[how.axes[a]] = std::ptrdiff_t(pitch);
      pitch = pitch * extents[how.axes[a]] + (a == 2 ? how.gap : 0);
    }
    // Numbers that nobody may read are NaN, or as large as they can be.
    memory_.assign(pitch + 1, tamp::element_traits<T>::store(
                                  std::numeric_limits<tamp::compute_type<T>>::quiet_NaN()));
    if (how.backwards) {
      first_ = pitch;
      for (std::ptrdiff_t& stride : strides) stride = -stride;
    }
    for (std::size_t i = 0; i < extents[0]; ++i)
      for (std::size_t j = 0; j < extents[1]; ++j)
        for (std::size_t k = 0; k < extents[2]; ++k)
          memory_[std::size_t(std::ptrdiff_t(first_) + std::ptrdiff_t(i) * strides[0] +
                              std::ptrdiff_t(j) * strides[1] + std::ptrdiff_t(k) * strides[2])] =
              tamp::element_traits<T>::store(tamp::compute_type<T>(number(i, j, k)));
  }

  const T* data() const { return memory_.data() + first_; }

  std::array<std::size_t, 3> extents;
  std::array<std::ptrdiff_t, 3> strides{};

 private:
  std::vector<T> memory_;
  std::size_t first_ = 0;
};

/// Calls use(numbers, name) with the numbers stored in every way.
template <class T, class Use>
void in_every_storage(const std::array<std::size_t, 3>& extents,
                      const typename stored_numbers<T>::at& number, Use&& use) {
  for (const storage& how : storages) use(stored_numbers<T>(extents, how, number), how.name);
}

}  // namespace support

template <>
struct tamp::element_traits<support::host_half>
    : tamp::element_like<support::host_half, tamp::f16> {};
template <>
struct tamp::element_traits<support::host_eighths> {
  using compute = float;
  static float load(support::host_eighths value) { return float(value.eighths) / 8; }
  static support::host_eighths store(float value) {
    return {value == value ? std::int16_t(value * 8) : std::int16_t(32767)};
  }
};
