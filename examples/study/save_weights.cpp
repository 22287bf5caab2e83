#include "save_weights.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <tamp/io/safetensors_writer.hpp>
#include <vector>

namespace study {
namespace {

using use_layer = std::function<void(const std::string&, const llama::matrix&)>;

void for_each_layer(const llama::model& model, const use_layer& use) {
  for (std::size_t b = 0; b < model.blocks.size(); ++b)
    for (std::size_t l = 0; l < llama::layer_names.size(); ++l)
      use(llama::weight_name(llama::Index(b), llama::layer_names[l]), model.blocks[b].weights[l]);
}

// One tensor a layer, of the numbers that `row` makes of a row of its weight.
template <class Number, class Row>
void save(const std::filesystem::path& path, const llama::model& model, tamp::io::dtype type,
          const Row& row) {
  std::vector<tamp::io::declaration> tensors;
  for_each_layer(model, [&](const std::string& name, const llama::matrix& w) {
    tensors.push_back({name, type, {std::size_t(w.rows()), std::size_t(w.cols())}});
  });
  tamp::io::safetensors_writer out(path, tensors);
  std::vector<Number> numbers;
  for_each_layer(model, [&](const std::string& name, const llama::matrix& w) {
    for (llama::Index i = 0; i < w.rows(); ++i) {
      numbers.clear();
      for (llama::Index j = 0; j < w.cols(); ++j) numbers.push_back(row(w(i, j)));
      out.write(name, std::span<const Number>(numbers));
    }
  });
  out.commit();
}

}  // namespace

void save_weights(const std::filesystem::path& path, const llama::model& model) {
  save<float>(path, model, tamp::io::dtype::f32, [](float w) { return w; });
}

void save_masks(const std::filesystem::path& path, const llama::model& model) {
  save<std::uint8_t>(path, model, tamp::io::dtype::u8,
                     [](float w) { return std::uint8_t(w != 0 ? 1 : 0); });
}

}  // namespace study
