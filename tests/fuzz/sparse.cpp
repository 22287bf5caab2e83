// Sparse weights against their definition: any weight and any mask, packed, read back, unpacked and
// multiplied with any activations; and any arrays as a view, which takes exactly those that fit
// together, and with which everything can be done then.

#include <tamp/sparse/multiply.hpp>
#include <tamp/sparse/pack.hpp>
#include <tamp/sparse/unpack.hpp>

#include <algorithm>
#include <concepts>

#include "executors.hpp"
#include "tensors.hpp"

namespace fuzz::sparse {

template <class T>
inline constexpr bool is_scaled = std::same_as<T, std::int8_t>;

/// A sparse weight, written out: what stands for each of its columns.
struct written_out {
  std::size_t rows = 0, cols = 0;
  std::vector<bool> keeps;
  std::vector<float> numbers;       // 0 where dropped
  std::vector<bool> is_odd_scaled;  // its scale is infinite or NaN

  bool keep(std::size_t i, std::size_t j) const { return keeps[i * cols + j]; }
  float at(std::size_t i, std::size_t j) const { return numbers[i * cols + j]; }
  bool odd_scale(std::size_t i, std::size_t j) const {
    return !is_odd_scaled.empty() && is_odd_scaled[i * cols + j];
  }
};

inline bool same_number(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

/// Compares one product with the definition in double.
template <class T, class X>
void check_sum(const written_out& s, std::size_t i, const matrix<X>& x, std::size_t t, T found) {
  double sum = 0, absolute = 0;
  bool is_broken = false, may_break = false;
  for (std::size_t j = 0; j < s.cols; ++j) {
    const auto activation = static_cast<float>(x.load(t, j));
    const double product = static_cast<double>(s.at(i, j)) * static_cast<double>(activation);
    if (!s.keep(i, j)) {
      may_break |= !std::isfinite(activation) || s.odd_scale(i, j);
    } else {
      is_broken |= !std::isfinite(product);
      sum += product;
      absolute += std::fabs(product);
    }
  }
  const auto number = static_cast<double>(tamp::element_traits<T>::load(found));
  if (is_broken) check(!std::isfinite(number), "what is not finite is shown");
  if (is_broken || may_break || absolute > 1e38) return;
  const double unit = sizeof(T) == 2 ? 0x1p-8 : 0;
  check(std::fabs(number - sum) <= 1e-5 * absolute + unit * std::fabs(sum) + 1e-37,
        "a product is the sum of the kept weights' products");
}

/// Multiplies `weight` with any activations. It is a sparse weight, or a dense one of the same
/// numbers.
template <class X, class Y, class Weight>
void check_products(source& in, const any_executor& exec, const Weight& weight,
                    const written_out& s) {
  const std::size_t tokens = in.count(0, in.once_in(4) ? 70 : 9);
  const std::size_t features = in.once_in(16) ? in.count(0, 70) : s.cols;
  const bool broken = in.once_in(8);
  const auto x = matrix<X>::of(in, tokens, features, [&] {
    using real = tamp::compute_type<X>;
    return broken ? in.number<real>() : static_cast<real>(in.bits<std::int16_t>()) / 256;
  });
  auto y = matrix<Y>::of(in, tokens, in.once_in(16) ? in.count(0, 9) : s.rows,
                         [] { return tamp::compute_type<Y>{7}; });
  const auto before = y.memory;
  const bool fits = features == s.cols && y.cols == s.rows;
  const auto refused =
      refusal([&] { tamp::sparse::multiply(exec, weight, std::as_const(x).view(), y.view()); });
  check(refused.has_value() == !(fits && y.is_apart()), "exactly what does not fit is refused");
  if (refused) return check(same_bits(y.memory, before), "nothing was written");
  auto rest = before;
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t i = 0; i < s.rows; ++i) {
      check_sum(s, i, x, t, y.memory[y.at(t, i)]);
      rest[y.at(t, i)] = y.memory[y.at(t, i)];
    }
  check(same_bits(y.memory, rest), "results alone are written");
  auto again = y;
  tamp::sparse::multiply(weight, std::as_const(x).view(), again.view());
  check(same_bits(again.memory, y.memory), "a product has the same bits for every executor");
}

/// Unpacks, and reads row by row.
template <class Out, class S>
void check_unpacked(source& in, const any_executor& exec, const S& weight, const written_out& s) {
  auto out = matrix<Out>::of(in, s.rows, s.cols, [] { return tamp::compute_type<Out>{7}; });
  const auto before = out.memory;
  const auto refused = refusal([&] { tamp::sparse::unpack(exec, weight, out.view()); });
  check(refused.has_value() == !out.is_apart(), "exactly shared memory is refused");
  if (refused) check(same_bits(out.memory, before), "nothing was written");
  std::vector<float> row(s.cols, 7.0f);
  for (std::size_t i = 0; i < s.rows; ++i) {
    weight.read_row(i, std::span(row));
    for (std::size_t j = 0; j < s.cols; ++j) {
      check(same_number(row[j], s.at(i, j)), "a row reads as its kept weights, and zeros");
      if (refused) continue;
      const Out expected =
          tamp::element_traits<Out>::store(static_cast<tamp::compute_type<Out>>(s.at(i, j)));
      check(
          same_number(static_cast<float>(tamp::element_traits<Out>::load(out.memory[out.at(i, j)])),
                      static_cast<float>(tamp::element_traits<Out>::load(expected))),
          "a weight is unpacked as it reads");
    }
  }
}

/// The packed weight by definition, if it can be packed: values and scales of each row.
template <class T>
struct by_definition {
  std::vector<T> values;
  std::vector<tamp::f16> scales;
  written_out numbers;
  bool is_refused = false;
};

template <class T, class From>
by_definition<T> defined(const matrix<From>& weight, const tamp::mask::bitmask& keep) {
  by_definition<T> made;
  made.numbers.rows = weight.rows, made.numbers.cols = weight.cols;
  for (std::size_t i = 0; i < weight.rows; ++i)
    for (std::size_t j = 0; j < weight.cols; ++j) {
      made.numbers.keeps.push_back(keep(i, j));
      float number = 0;
      if constexpr (is_scaled<T>) {
        if (j % 32 == 0) {
          double largest = 0;
          for (std::size_t k = j; k < std::min(weight.cols, j + 32); ++k) {
            const auto size = std::fabs(static_cast<double>(weight.load(i, k)));
            made.is_refused |= keep(i, k) && !std::isfinite(size);
            if (keep(i, k) && size > largest) largest = size;
          }
          made.scales.emplace_back(static_cast<float>(largest / 127));
          made.is_refused |= !std::isfinite(static_cast<float>(made.scales.back()));
        }
        const auto step = static_cast<float>(made.scales.back());
        if (keep(i, j) && !made.is_refused) {
          const double steps =
              step == 0
                  ? 0
                  : std::round(static_cast<double>(weight.load(i, j)) / static_cast<double>(step));
          made.values.push_back(static_cast<T>(std::clamp(steps, -127.0, 127.0)));
          number = static_cast<float>(made.values.back()) * step;
        }
      } else if (keep(i, j)) {
        if constexpr (std::same_as<T, From>)
          made.values.push_back(weight.memory[weight.at(i, j)]);
        else
          made.values.push_back(tamp::element_traits<T>::store(
              static_cast<tamp::compute_type<T>>(weight.load(i, j))));
        number = static_cast<float>(tamp::element_traits<T>::load(made.values.back()));
      }
      made.numbers.numbers.push_back(number);
    }
  return made;
}

template <class T, class From, class X, class Y>
void pack(source& in) {
  const std::size_t rows = in.count(0, in.once_in(8) ? 80 : 9);
  const std::size_t cols = in.count(0, in.once_in(4) ? 300 : 70);
  const bool broken = in.once_in(4);
  const auto weight = matrix<From>::of(in, rows, cols, [&] {
    using real = tamp::compute_type<From>;
    return broken          ? in.number<real>()
           : in.once_in(2) ? real{0}
                           : static_cast<real>(in.bits<std::int16_t>()) / 4096;
  });
  const bool has_mask = in.flag();
  const bool other_shape = has_mask && in.once_in(32);
  tamp::mask::bitmask keep(rows + (other_shape ? 1 : 0), cols);
  const unsigned density = in.byte();
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j)
      keep.set(i, j, has_mask ? in.byte() >= density : weight.load(i, j) != 0);
  const auto expected = defined<T>(weight, keep);

  with_every_instructions(in, [&](const any_executor& exec) {
    tamp::sparse::matrix<T> s;
    const auto refused = refusal([&] {
      const auto w = weight.view();
      s = has_mask ? tamp::sparse::pack_as<T>(exec, w, keep) : tamp::sparse::pack_as<T>(exec, w);
    });
    check(refused.has_value() == (other_shape || expected.is_refused),
          "exactly what cannot be packed is refused");
    if (refused) return;
    check(s == tamp::sparse::matrix<T>(keep, expected.values, expected.scales),
          "a matrix is its mask and its kept weights, to the bit");
    check_unpacked<Y>(in, exec, s, expected.numbers);
    check_products<X, Y>(in, exec, s, expected.numbers);
    if constexpr (std::same_as<T, From>) {
      written_out dense = expected.numbers;
      dense.keeps.assign(rows * cols, true);
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < cols; ++j)
          dense.numbers[i * cols + j] = static_cast<float>(weight.load(i, j));
      check_products<X, Y>(in, exec, weight.view(), dense);
    }
  });
}

/// Arrays that often fit together. Each is as long as it says and no longer.
template <class T>
struct any_arrays {
  std::size_t rows, cols, bits_pitch;
  std::vector<std::byte> bits;
  std::vector<T> values;
  std::vector<std::int64_t> row_offsets;
  std::vector<tamp::f16> scales;

  static std::size_t bytes_of(std::size_t cols) { return cols / 8 + (cols % 8 != 0); }
  static std::size_t blocks_of(std::size_t cols) { return cols / 32 + (cols % 32 != 0); }
  bool keeps(std::size_t i, std::size_t j) const {
    return (bits[i * bits_pitch + j / 8] >> (j % 8) & std::byte{1}) != std::byte{0};
  }

  explicit any_arrays(source& in)
      : rows(in.count(0, 9)),
        cols(in.count(0, in.once_in(4) ? 300 : 70)),
        bits_pitch(bytes_of(cols) + in.count(0, 3)) {
    const std::size_t room = rows == 0 || cols == 0 ? 0 : (rows - 1) * bits_pitch + bytes_of(cols);
    const unsigned kind = in.byte();
    bits = in.list(room + in.count(0, 2), [&] {
      return static_cast<std::byte>(kind < 60 ? 0 : kind < 120 ? 0xff : in.byte());
    });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      row_offsets.push_back(static_cast<std::int64_t>(kept));
      for (std::size_t j = 0; j < cols; ++j) kept += keeps(i, j);
    }
    values = in.list(kept, [&] { return in.bits<T>(); });
    if (is_scaled<T>)
      scales = in.list(rows * blocks_of(cols), [&] { return in.bits<tamp::f16>(); });
    while (in.flag()) spoil(in);
    bits.shrink_to_fit(), values.shrink_to_fit();
    row_offsets.shrink_to_fit(), scales.shrink_to_fit();
  }

  void spoil(source& in) {
    const auto resize = [&](auto& list) { list.resize(in.count(0, list.size() + 2)); };
    switch (in.count(0, 8)) {
      case 0:
        rows = in.size(10);
        break;
      case 1:
        cols = in.size(100);
        break;
      case 2:
        bits_pitch = in.size(20);
        break;
      case 3:
        resize(bits);
        break;
      case 4:
        resize(values);
        break;
      case 5:
        resize(row_offsets);
        break;
      case 6:
        resize(scales);
        break;
      case 7:
        if (!row_offsets.empty())
          row_offsets[in.count(0, row_offsets.size() - 1)] =
              in.flag() ? in.bits<std::int64_t>() : static_cast<std::int64_t>(in.count(0, 40)) - 9;
        break;
      default:
        if (!bits.empty()) bits[in.count(0, bits.size() - 1)] = in.bits<std::byte>();
    }
  }

  bool fit() const {
    __extension__ using wide = unsigned __int128;
    constexpr wide most = std::numeric_limits<std::ptrdiff_t>::max();
    if (rows > most || cols > most || wide{rows} * cols > most) return false;
    if (row_offsets.size() != rows) return false;
    if (scales.size() != (is_scaled<T> ? wide{rows} * blocks_of(cols) : wide{0})) return false;
    if (rows != 0 && cols != 0 &&
        (bits_pitch < bytes_of(cols) || wide{rows - 1} * bits_pitch + bytes_of(cols) > bits.size()))
      return false;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      if (row_offsets[i] != static_cast<std::int64_t>(kept)) return false;
      for (std::size_t j = 0; j < cols; ++j) kept += keeps(i, j);
    }
    return values.size() == kept;
  }

  written_out numbers() const {
    written_out made{rows, cols, {}, {}, {}};
    std::size_t next = 0;
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < cols; ++j) {
        made.keeps.push_back(keeps(i, j));
        float number = 0;
        if constexpr (is_scaled<T>) {
          const auto scale = static_cast<float>(scales[i * blocks_of(cols) + j / 32]);
          made.is_odd_scaled.push_back(!std::isfinite(scale));
          if (keeps(i, j)) number = static_cast<float>(values[next++]) * scale;
        } else if (keeps(i, j)) {
          number = static_cast<float>(tamp::element_traits<T>::load(values[next++]));
        }
        made.numbers.push_back(number);
      }
    return made;
  }
};

template <class T, class X, class Y>
void view(source& in) {
  const any_arrays<T> given(in);
  tamp::sparse::view<T> s;
  const auto refused = refusal([&] {
    s = tamp::sparse::view<T>(
        given.rows, given.cols,
        {given.bits, given.bits_pitch, given.values, given.row_offsets, given.scales});
  });
  check(refused.has_value() != given.fit(), "exactly arrays that fit together are taken");
  if (refused) return;
  check(s.rows() == given.rows && s.cols() == given.cols && s.kept() == given.values.size(),
        "a view has the shape of its arrays");
  check(s.sparsity() >= 0 && s.sparsity() <= 1 && s.bits_per_weight() >= 0, "sizes are counted");
  if (given.cols > 1000) return;  // of no rows
  const written_out numbers = given.numbers();
  tamp::mask::bitmask keep(given.rows, given.cols);
  for (std::size_t i = 0; i < given.rows; ++i)
    for (std::size_t j = 0; j < given.cols; ++j) keep.set(i, j, numbers.keep(i, j));
  const tamp::sparse::matrix<T> copy(keep, given.values, given.scales);
  check(s == copy && copy == s, "a copy of the arrays is the same weight");
  if (!given.values.empty()) {
    auto other = given.values;
    other[in.count(0, other.size() - 1)] = in.bits<T>();
    check(
        (s == tamp::sparse::matrix<T>(keep, other, given.scales)) == same_bits(other, given.values),
        "weights are equal whose bits are");
  }
  with_every_instructions(in, [&](const any_executor& exec) {
    check_unpacked<Y>(in, exec, s, numbers);
    check_products<X, Y>(in, exec, s, numbers);
  });
}

using tamp::f16, tamp::bf16;

constexpr void (*kinds[])(source&) = {
    pack<float, float, float, float>, pack<bf16, bf16, double, bf16>,
    pack<f16, f16, float, float>,     pack<std::int8_t, float, float, float>,
    pack<bf16, double, double, bf16>, view<float, float, float>,
    view<f16, float, float>,          view<bf16, double, bf16>,
    view<std::int8_t, float, float>};

const registered here("sparse", [](source& in) { in.of(kinds)(in); });

}  // namespace fuzz::sparse
