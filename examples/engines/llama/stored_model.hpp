#pragma once

/// @file
/// A model whose linear layers are stored in the form in which they are multiplied: dense or sparse,
/// in one of several types of number.

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <tamp/detail/large_array.hpp>
#include <tamp/element.hpp>
#include <tamp/execute/openmp.hpp>
#include <tamp/sparse/matrix.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "model.hpp"

namespace llama {

/// The forms in which a linear layer can be stored.
enum class storage { dense_float, dense_bf16, sparse_float, sparse_bf16, sparse_int8 };
std::string_view label(storage form);

/// A dense weight of type T, row by row.
template <class T>
class dense_weight {
 public:
  dense_weight(Index rows, Index cols)
      : rows_(std::size_t(rows)), cols_(std::size_t(cols)), numbers_(rows_ * cols_) {}
  std::span<T> numbers() { return {numbers_.data(), rows_ * cols_}; }
  tamp::matrix_view<const T> view() const { return {numbers_.data(), rows_, cols_}; }

 private:
  std::size_t rows_, cols_;
  tamp::detail::large_array<T> numbers_;
};

/// A linear layer, (out_features, in_features).
class stored_layer {
 public:
  stored_layer() = default;
  /// Stores a weight. In a sparse form the weights that are not zero are kept.
  stored_layer(const matrix& weight, storage form);

  Index rows() const;
  /// X W^T.
  matrix operator()(const tamp::execute::openmp& exec, const matrix& x) const;
  /// The weight as floats.
  matrix dense() const;
  /// Bytes in memory.
  std::size_t bytes() const;

  using any_weight =
      std::variant<dense_weight<float>, dense_weight<tamp::bf16>, tamp::sparse::matrix<float>,
                   tamp::sparse::matrix<tamp::bf16>, tamp::sparse::matrix<std::int8_t>>;
  const any_weight& weight() const { return weight_; }
  explicit stored_layer(any_weight weight) : weight_(std::move(weight)) {}

 private:
  any_weight weight_ = dense_weight<float>(0, 0);
};

/// One decoder block.
struct stored_block : block_vectors {
  std::array<stored_layer, layer_names.size()> layers;  // by enum layer
};

struct stored_model {
  llama::config config;
  std::vector<stored_block> blocks;
  stored_layer head;                        // dense
  std::shared_ptr<const llama::ends> ends;  // embedding, norm and positions

  /// Bytes of what is read for every token: all layers and the head.
  std::size_t bytes() const;
};

/// Stores the layers of a model in a form, and its head as dense numbers of the same type (bf16 for
/// int8).
stored_model store(const model& m, storage form);

/// Returns a copy of the model with the layers as stored, rounded to their type.
model restored(const model& m, const stored_model& stored);

}  // namespace llama
