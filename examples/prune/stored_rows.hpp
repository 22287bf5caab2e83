#pragma once

// The rows of a layer of any type but double, read as float and written in the type in which they
// are stored.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tamp/element.hpp>
#include <tamp/error.hpp>
#include <tamp/io/ggml_rows.hpp>
#include <tamp/tensor/view.hpp>
#include <type_traits>
#include <utility>
#include <variant>

#include "retyped_rows.hpp"

namespace tamp_prune {

// A tamp row_tensor whose type is known at run time. To drop weights leaves the others as they are,
// to the bit. Written rows are encoded anew: in blocks of ggml a dropped weight stays zero, and a kept
// one is rounded to the nearest code of its block.
class stored_rows {
 public:
  using form =
      std::variant<tamp::matrix_view<float>, tamp::matrix_view<tamp::f16>,
                   tamp::matrix_view<tamp::bf16>, tamp::io::ggml_rows<std::byte>, retyped_rows>;

  // `name` is the layer's, for errors.
  stored_rows(form rows, std::string_view name) : rows_(std::move(rows)), name_(name) {}

  std::size_t rows() const {
    return std::visit([](const auto& held) { return static_cast<std::size_t>(held.rows()); },
                      rows_);
  }
  std::size_t cols() const {
    return std::visit([](const auto& held) { return static_cast<std::size_t>(held.cols()); },
                      rows_);
  }
  void read_row(std::size_t i, std::span<float> out) const {
    std::visit(
        [&](const auto& held) {
          if constexpr (is_view<decltype(held)>)
            for (std::size_t j = 0; j < out.size(); ++j) out[j] = load(held(i, j));
          else
            held.read_row(i, out);
        },
        rows_);
  }
  // Throws tamp::value_error if the type is too small for a number, or if tamp does not write it.
  // Nothing of the row is written then.
  void write_row(std::size_t i, std::span<const float> in) {
    std::visit(
        [&](auto& held) {
          if constexpr (is_view<decltype(held)>) {
            using element = typename std::remove_cvref_t<decltype(held)>::value_type;
            for (std::size_t j = 0; j < in.size(); ++j) check_fits<element>(i, j, in[j]);
            for (std::size_t j = 0; j < in.size(); ++j)
              held(i, j) = tamp::element_traits<element>::store(in[j]);
          } else if constexpr (requires { held.write_row(i, in); }) {
            held.write_row(i, in);
          } else {
            held.encode_row(i, in);
          }
        },
        rows_);
  }
  // Makes weight (i, j) zero where bit j % 64 of keep[j / 64] is 0.
  void zero(std::size_t i, std::span<const std::uint64_t> keep) {
    std::visit(
        [&](auto& held) {
          if constexpr (is_view<decltype(held)>) {
            using element = typename std::remove_cvref_t<decltype(held)>::value_type;
            for (std::size_t j = 0; j < cols(); ++j)
              if ((keep[j / 64] >> j % 64 & 1u) == 0)
                held(i, j) = tamp::element_traits<element>::store(0.0f);
          } else {
            held.zero(i, keep);
          }
        },
        rows_);
  }
  // Moves rows of which nothing was written to their new type, if they have one.
  void finish() {
    if (auto* const moved = std::get_if<retyped_rows>(&rows_)) moved->finish();
  }

 private:
  template <class Held>
  static constexpr bool is_view = requires(Held held) { held.row_stride(); };

  template <class Element>
  static float load(const Element& element) {
    return tamp::element_traits<Element>::load(element);
  }
  template <class Element>
  void check_fits(std::size_t i, std::size_t j, float number) const {
    if (tamp::is_finite(load(tamp::element_traits<Element>::store(number)))) return;
    throw tamp::value_error(tamp::detail::sentence(name_, ": the weight in row ", i, ", column ", j,
                                                   " became ", number,
                                                   ", which is too large for its type"));
  }

  form rows_;
  std::string_view name_;
};

}  // namespace tamp_prune
