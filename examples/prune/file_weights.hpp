#pragma once

// The tensors of a model's files as weights by name.

#include <cstddef>
#include <span>
#include <string>
#include <tamp/error.hpp>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/io/ggml_rows.hpp>
#include <tamp/tensor/any_view.hpp>
#include <vector>

#include "decoder_blocks.hpp"
#include "model_files.hpp"

namespace tamp_prune {

// A tamp::structure::weight_source. Each weight is read when it is visited, and forgotten after.
class file_weights {
 public:
  explicit file_weights(const model_files& model) : model_(model) {
    for (std::size_t k = 0; k < model.weights.size(); ++k) files_.emplace_back(model.path_of(k));
  }

  std::vector<std::byte> bytes_of(const tensor& t) const {
    std::vector<std::byte> bytes(static_cast<std::size_t>(t.length));
    files_[t.file].read(t.offset, bytes);
    return bytes;
  }

  void visit(const std::string& name, auto&& use) const {
    const tensor& t = find_tensor(model_, name);
    const auto shape = matrix_of(t);
    const std::vector<std::byte> bytes = bytes_of(t);
    const auto as = [&](tamp::dtype type) {
      use(tamp::any_view(static_cast<const void*>(bytes.data()), type, shape.rows, shape.cols));
    };
    switch (t.kind) {
      case number::f64:
        return as(tamp::dtype::f64);
      case number::f32:
        return as(tamp::dtype::f32);
      case number::f16:
        return as(tamp::dtype::f16);
      case number::bf16:
        return as(tamp::dtype::bf16);
      case number::block:
        return use(tamp::io::ggml_rows(t.ggml_type, std::span<const std::byte>(bytes), shape.rows,
                                       shape.cols, t.name));
      case number::other:
        throw tamp::value_error(t.name + " is of type " + t.type + ", which tamp does not read");
    }
  }

 private:
  const model_files& model_;
  std::vector<tamp::detail::readable_file> files_;
};

}  // namespace tamp_prune
