#include "stored_model.hpp"

#include <algorithm>
#include <cstdint>
#include <tamp/adapt/eigen.hpp>
#include <tamp/sparse/multiply.hpp>
#include <tamp/sparse/pack.hpp>
#include <tamp/sparse/unpack.hpp>
#include <type_traits>

namespace llama {
namespace {

template <class T>
dense_weight<T> dense_copy(const matrix& weight) {
  dense_weight<T> copy(weight.rows(), weight.cols());
  std::transform(weight.data(), weight.data() + weight.size(), copy.numbers().begin(),
                 tamp::element_traits<T>::store);
  return copy;
}

template <class Weight>
constexpr bool is_dense = false;
template <class T>
constexpr bool is_dense<dense_weight<T>> = true;

}  // namespace

std::string_view label(storage form) {
  constexpr std::array<std::string_view, 5> names{"dense float", "dense bf16", "sparse float",
                                                  "sparse bf16", "sparse int8"};
  return names[std::size_t(form)];
}

stored_layer::stored_layer(const matrix& weight, storage form) {
  using namespace tamp::sparse;
  switch (form) {
    case storage::dense_float:
      weight_ = dense_copy<float>(weight);
      break;
    case storage::dense_bf16:
      weight_ = dense_copy<tamp::bf16>(weight);
      break;
    case storage::sparse_float:
      weight_ = pack(weight);
      break;
    case storage::sparse_bf16:
      weight_ = pack_as<tamp::bf16>(weight);
      break;
    case storage::sparse_int8:
      weight_ = pack_as<std::int8_t>(weight);
      break;
  }
}

Index stored_layer::rows() const {
  return std::visit(
      [](const auto& w) {
        if constexpr (is_dense<std::remove_cvref_t<decltype(w)>>)
          return Index(w.view().rows());
        else
          return Index(w.rows());
      },
      weight_);
}

matrix stored_layer::operator()(const tamp::execute::openmp& exec, const matrix& x) const {
  matrix y(x.rows(), rows());
  std::visit(
      [&](const auto& w) {
        if constexpr (is_dense<std::remove_cvref_t<decltype(w)>>)
          tamp::sparse::multiply(exec, w.view(), x, y);
        else
          tamp::sparse::multiply(exec, w, x, y);
      },
      weight_);
  return y;
}

matrix stored_layer::dense() const {
  return std::visit(
      [&](const auto& w) {
        if constexpr (is_dense<std::remove_cvref_t<decltype(w)>>) {
          const auto from = w.view();
          matrix to(Index(from.rows()), Index(from.cols()));
          using element = typename decltype(from)::value_type;
          std::transform(from.data(), from.data() + from.size(), to.data(),
                         tamp::element_traits<element>::load);
          return to;
        } else {
          matrix to(Index(w.rows()), Index(w.cols()));
          tamp::sparse::unpack(w, to);
          return to;
        }
      },
      weight_);
}

std::size_t stored_layer::bytes() const {
  return std::visit(
      [](const auto& w) {
        if constexpr (is_dense<std::remove_cvref_t<decltype(w)>>)
          return w.view().size() * sizeof(typename decltype(w.view())::value_type);
        else
          return w.bytes();
      },
      weight_);
}

std::size_t stored_model::bytes() const {
  std::size_t sum = head.bytes();
  for (const stored_block& b : blocks)
    for (const stored_layer& layer : b.layers) sum += layer.bytes();
  return sum;
}

stored_model store(const model& m, storage form) {
  const bool is_float = form == storage::dense_float || form == storage::sparse_float;
  stored_model stored{
      m.config,
      {},
      stored_layer(m.ends->head(), is_float ? storage::dense_float : storage::dense_bf16),
      m.ends};
  for (const block& b : m.blocks) {
    stored_block& to = stored.blocks.emplace_back(stored_block{b, {}});
    for (std::size_t l = 0; l < layer_names.size(); ++l)
      to.layers[l] = stored_layer(b.weights[l], form);
  }
  return stored;
}

model restored(const model& m, const stored_model& stored) {
  model copy = m;
  for (std::size_t b = 0; b < copy.blocks.size(); ++b)
    for (std::size_t l = 0; l < layer_names.size(); ++l)
      copy.blocks[b].weights[l] = stored.blocks[b].layers[l].dense();
  return copy;
}

}  // namespace llama
