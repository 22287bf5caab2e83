#pragma once

// The layers of files as a model that tamp can prune.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <tamp/detail/large_array.hpp>
#include <tamp/element.hpp>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/tensor/view.hpp>
#include <type_traits>
#include <vector>

#include "layers.hpp"
#include "model_files.hpp"

namespace tamp_prune {

// Holds one weight at a time, which is loaded when it is visited. What is done with a finished
// layer is up to `finish`.
class file_host {
 public:
  // Nothing is in place before all is written.
  static constexpr bool writes_when_finished = true;
  using finish_function =
      std::function<void(const layer&, std::size_t file, std::span<const std::byte>)>;

  file_host(const model_files& model, const layer_list& layers) : model_(model), layers_(layers) {
    for (std::size_t k = 0; k < model.weights.size(); ++k) files_.emplace_back(model.path_of(k));
  }

  // Called with each layer that is done, and its bytes.
  finish_function finish;

  std::size_t blocks() const { return layers_.blocks.size(); }
  void visit_shapes(std::size_t block, auto&& visit) const {
    for (const layer& l : layers_.blocks[block].layers) visit(l.name, l.rows, l.cols);
  }
  void visit_layers(std::size_t block, auto&& visit) {
    for (const layer& l : layers_.blocks[block].layers) {
      const tensor& t = model_.tensors[l.tensor];
      load(t, l);
      switch (t.kind) {
        case number::f64:
          visit(l.name, view_of<double>(l));
          break;
        case number::f32:
          visit(l.name, view_of<float>(l));
          break;
        case number::f16:
          visit(l.name, view_of<tamp::f16>(l));
          break;
        case number::bf16:
          visit(l.name, view_of<tamp::bf16>(l));
          break;
        case number::other:  // is no layer
          break;
      }
    }
  }
  void finish_layer(std::size_t block, std::size_t k) {
    const layer& l = layers_.blocks[block].layers[k];
    if (finish) finish(l, model_.tensors[l.tensor].file, {buffer_.data(), l.length});
  }

  const tamp::detail::readable_file& file(std::size_t k) const { return files_[k]; }

 private:
  void load(const tensor& t, const layer& l) {
    if (capacity_ < l.length) {
      buffer_ = {};
      buffer_ = tamp::detail::large_array<std::byte>(l.length);
      capacity_ = l.length;
    }
    files_[t.file].read(l.offset, {buffer_.data(), l.length});
  }
  template <class T>
  tamp::matrix_view<T> view_of(const layer& l) {
    auto* const data = reinterpret_cast<T*>(buffer_.data());
    const auto stored_cols = static_cast<std::ptrdiff_t>(l.is_transposed ? l.rows : l.cols);
    if (l.is_transposed) return {data, l.rows, l.cols, 1, stored_cols};
    return {data, l.rows, l.cols, stored_cols, 1};
  }

  const model_files& model_;
  const layer_list& layers_;
  std::vector<tamp::detail::readable_file> files_;
  tamp::detail::large_array<std::byte> buffer_;
  std::size_t capacity_ = 0;
};

}  // namespace tamp_prune
