#include "stored_file.hpp"

#include <cstdint>
#include <cstring>
#include <tamp/io/safetensors.hpp>
#include <tamp/io/sparse_file.hpp>
#include <type_traits>
#include <vector>

namespace llama {
namespace {

using tamp::io::declaration;
using tamp::io::dtype;

const std::string head_name = "lm_head.weight";

// Calls use(name, layer) for all layers and the head. The name of a weight ends with ".weight".
template <class Model, class Use>
void for_each_layer(Model& m, const Use& use) {
  for (std::size_t b = 0; b < m.blocks.size(); ++b)
    for (std::size_t l = 0; l < layer_names.size(); ++l)
      use(weight_name(Index(b), layer_names[l]), m.blocks[b].layers[l]);
  use(head_name, m.head);
}

std::string without_ending(const std::string& name) {
  return name.substr(0, name.size() - std::string_view(".weight").size());
}

template <class Weight>
using number = typename std::remove_cvref_t<Weight>::value_type;
template <class Weight>
constexpr bool is_sparse = tamp::sparse::sparse_weight<Weight>;

// Calls use(name, numbers, shape) for what is not a layer.
template <class Use>
void for_each_other(const stored_model& m, const Use& use) {
  const auto vector = [&](const std::string& name, const row_vector& v) {
    use(name, std::span(v.data(), std::size_t(v.size())), std::vector{std::size_t(v.size())});
  };
  for (std::size_t b = 0; b < m.blocks.size(); ++b)
    for_each_vector(m.config, m.blocks[b], [&](auto part, auto ending, const row_vector& v, Index) {
      vector(weight_name(Index(b), part, ending), v);
    });
  vector("model.norm.weight", m.ends->norm);
}

}  // namespace

void save(const std::string& path, const stored_model& m) {
  std::vector<declaration> tensors;
  for_each_other(m, [&](const std::string& name, auto, const auto& shape) {
    tensors.push_back({name, dtype::f32, shape});
  });
  for_each_layer(m, [&](const std::string& name, const stored_layer& layer) {
    std::visit(
        [&]<class Weight>(const Weight& weight) {
          if constexpr (is_sparse<Weight>) {
            for (auto& part : tamp::io::declare_sparse(without_ending(name), weight))
              tensors.push_back(std::move(part));
          } else {
            const auto view = weight.view();
            tensors.push_back({name,
                               tamp::io::detail::dtype_of<number<decltype(view)>>(),
                               {view.rows(), view.cols()}});
          }
        },
        layer.weight());
  });
  tamp::io::safetensors_writer out(path, tensors, {{"format", "pt"}});
  for_each_other(m, [&](const std::string& name, auto numbers, const auto&) {
    out.write<float>(name, numbers);
  });
  for_each_layer(m, [&](const std::string& name, const stored_layer& layer) {
    std::visit(
        [&]<class Weight>(const Weight& weight) {
          if constexpr (is_sparse<Weight>) {
            tamp::io::write_sparse(out, without_ending(name), weight);
          } else {
            const auto view = weight.view();
            out.write<number<decltype(view)>>(name, std::span(view.data(), view.size()));
          }
        },
        layer.weight());
  });
  out.commit();
}

stored_model load_stored(const std::string& path, const model& m) {
  const tamp::io::safetensors_file file(path);
  stored_model stored{m.config, {}, {}, m.ends};
  for (const block& b : m.blocks) stored.blocks.push_back({b, {}});
  const auto shape_of = [&](std::size_t k) {
    const std::size_t layers = layer_names.size();
    const matrix& w =
        k / layers < m.blocks.size() ? m.blocks[k / layers].weights[k % layers] : m.ends->head();
    return std::vector{std::size_t(w.rows()), std::size_t(w.cols())};
  };
  std::size_t k = 0;
  for_each_layer(stored, [&](const std::string& name, stored_layer& layer) {
    const auto expected = shape_of(k++);
    const auto check = [&](std::size_t rows, std::size_t cols) {
      if (std::vector{rows, cols} != expected)
        fail(path, ": ", name, " is ", rows, " x ", cols, ", the model has ", expected[0], " x ",
             expected[1]);
    };
    const auto dense = [&]<class T>(T) {
      const auto from = file.matrix<T>(name);
      check(from.rows(), from.cols());
      dense_weight<T> copy(Index(from.rows()), Index(from.cols()));
      std::copy_n(from.data(), from.size(), copy.numbers().begin());
      layer = stored_layer(stored_layer::any_weight(std::move(copy)));
    };
    const auto sparse = [&]<class T>(T) {
      auto from = tamp::io::read_sparse<T>(file, without_ending(name));
      check(from.rows(), from.cols());
      layer = stored_layer(stored_layer::any_weight(std::move(from)));
    };
    const std::string compressed = without_ending(name) + ".compressed";
    const bool is_packed = file.contains(compressed);
    switch (file.at(is_packed ? compressed : name).type) {
      case dtype::f32:
        return is_packed ? sparse(float{}) : dense(float{});
      case dtype::bf16:
        return is_packed ? sparse(tamp::bf16{}) : dense(tamp::bf16{});
      case dtype::i8:
        if (is_packed) return sparse(std::int8_t{});
        [[fallthrough]];
      default:
        fail(path, ": ", name, " is of a type that the engine cannot multiply");
    }
  });
  return stored;
}

}  // namespace llama
