#pragma once

/// @file
/// Several tensors, of types known at compile time or at run time, for an operation that reads them
/// together.

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../detail/checked.hpp"
#include "../rows.hpp"
#include "../traits.hpp"
#include "source.hpp"

namespace tamp::inline TAMP_FLAGS::detail {

/// The reader of the rows of a tensor of some type, as numbers of one type.
template <class Real>
struct erased_reader {
  virtual ~erased_reader() = default;
  virtual std::span<const Real> operator()(std::size_t i) = 0;
};

template <class Real, class Source>
class reader_of final : public erased_reader<Real> {
 public:
  explicit reader_of(const Source& source)
      : read_(source),
        buffer_(std::is_same_v<Real, row_value<Source>>
                    ? std::vector<Real>()
                    : checked_array<Real>("tensor", static_cast<std::size_t>(source.cols()))) {}

  std::span<const Real> operator()(std::size_t i) override {
    const auto row = read_(i);
    if constexpr (std::is_same_v<Real, row_value<Source>>) {
      return row;
    } else {
      for (std::size_t j = 0; j < row.size(); ++j) buffer_[j] = static_cast<Real>(row[j]);
      return buffer_;
    }
  }

 private:
  row_reader<Source> read_;
  std::vector<Real> buffer_;
};

/// A tensor whose type is forgotten: its extents, and how a reader of its rows is made.
class erased_tensor {
 public:
  erased_tensor() = default;
  template <class Source>
    requires(!std::is_same_v<Source, erased_tensor>)
  explicit erased_tensor(const Source& source)
      : source_(std::addressof(source)),
        rows_(static_cast<std::size_t>(source.rows())),
        cols_(static_cast<std::size_t>(source.cols())),
        is_double_(std::is_same_v<row_value<Source>, double>),
        make_float_(&make<float, Source>),
        make_double_(&make<double, Source>) {}

  std::size_t rows() const noexcept { return rows_; }
  std::size_t cols() const noexcept { return cols_; }
  /// True if the numbers need double to be held exactly.
  bool is_double() const noexcept { return is_double_; }
  template <class Real>
  std::unique_ptr<erased_reader<Real>> reader() const {
    if constexpr (std::is_same_v<Real, double>)
      return make_double_(source_);
    else
      return make_float_(source_);
  }

 private:
  template <class Real, class Source>
  static std::unique_ptr<erased_reader<Real>> make(const void* source) {
    return std::make_unique<reader_of<Real, Source>>(*static_cast<const Source*>(source));
  }

  const void* source_ = nullptr;
  std::size_t rows_ = 0, cols_ = 0;
  bool is_double_ = false;
  std::unique_ptr<erased_reader<float>> (*make_float_)(const void*) = nullptr;
  std::unique_ptr<erased_reader<double>> (*make_double_)(const void*) = nullptr;
};

/// The form of an erased tensor that algorithms hold: rows of float or double.
template <class Real>
class erased_rows {
 public:
  explicit erased_rows(const erased_tensor& tensor) noexcept : tensor_(tensor) {}
  std::size_t rows() const noexcept { return tensor_.rows(); }
  std::size_t cols() const noexcept { return tensor_.cols(); }
  std::unique_ptr<erased_reader<Real>> reader() const { return tensor_.reader<Real>(); }

 private:
  erased_tensor tensor_;
};

template <class Real>
class row_reader<erased_rows<Real>> {
 public:
  using value_type = Real;
  explicit row_reader(const erased_rows<Real>& rows) : read_(rows.reader()) {}
  std::span<const Real> operator()(std::size_t i) { return (*read_)(i); }

 private:
  std::unique_ptr<erased_reader<Real>> read_;
};

template <std::size_t Known, std::size_t Count, class Use, class... Rest>
decltype(auto) with_erased(std::array<erased_tensor, Count>& all, Use& use, const Rest&... rest) {
  if constexpr (Known == Count) {
    const auto call = [&]<class Real, std::size_t... k>(
                          std::type_identity<Real>, std::index_sequence<k...>) -> decltype(auto) {
      return use(erased_rows<Real>(all[k])...);
    };
    bool in_double = false;
    for (const erased_tensor& tensor : all) in_double = in_double || tensor.is_double();
    constexpr auto places = std::make_index_sequence<Count>();
    return in_double ? call(std::type_identity<double>(), places)
                     : call(std::type_identity<float>(), places);
  } else {
    return [&](const auto& first, const auto&... others) -> decltype(auto) {
      return with_source(first, [&](const auto& form) -> decltype(auto) {
        all[Known] = erased_tensor(form);
        return with_erased<Known + 1>(all, use, others...);
      });
    }(rest...);
  }
}

/// Returns use(sources...), with the forms of tensors that are only read. If the type of one is
/// known only at run time, `use` is compiled for rows of float and for rows of double, and not for
/// every combination of types. It then gets rows of double if a tensor needs them.
template <class Use, tensor_argument... Tensors>
decltype(auto) with_sources(Use&& use, const Tensors&... tensors) {
  if constexpr ((any_tensor<Tensors> || ...)) {
    std::array<erased_tensor, sizeof...(Tensors)> all;
    return with_erased<0>(all, use, tensors...);
  } else {
    return use(detail::source(tensors)...);
  }
}

/// Returns use(rows), with the rows of a tensor as numbers of type Real, for an operation that
/// computes with such numbers alone.
template <class Real, tensor_argument Tensor, class Use>
decltype(auto) with_rows_of(const Tensor& tensor, Use&& use) {
  return with_source(tensor, [&](const auto& form) -> decltype(auto) {
    return use(erased_rows<Real>(erased_tensor(form)));
  });
}

}  // namespace tamp::inline TAMP_FLAGS::detail
