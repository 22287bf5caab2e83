#include "save_weights.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tamp/io/safetensors_writer.hpp>
#include <type_traits>
#include <vector>

namespace study {
namespace {

// Calls use(name, layer) for the linear layers of all blocks.
template <class Use>
void for_each_layer(const llama::model& model, const Use& use) {
  for (std::size_t b = 0; b < model.blocks.size(); ++b)
    for (std::size_t l = 0; l < llama::layer_names.size(); ++l)
      use(llama::weight_name(llama::Index(b), llama::layer_names[l]), model.blocks[b].weights[l]);
}

// Calls use(name, tensor) for all that llama::assemble reads, a matrix or a row_vector.
template <class Use>
void for_each_tensor(const llama::model& model, const Use& use) {
  use("model.embed_tokens.weight", model.ends->embedding);
  for (std::size_t b = 0; b < model.blocks.size(); ++b)
    llama::for_each_vector(
        model.config, model.blocks[b],
        [&](auto part, auto ending, const llama::row_vector& vector, llama::Index) {
          use(llama::weight_name(llama::Index(b), part, ending), vector);
        });
  for_each_layer(model, use);
  use("model.norm.weight", model.ends->norm);
  if (!model.config.tied_head) use("lm_head.weight", model.ends->untied_head);
  if (model.config.vision) {
    use("visual.patch_embed.weight", model.ends->patch.weight);
    use("visual.patch_embed.bias", model.ends->patch.bias);
    if (model.config.vision->is_of_one_size()) {
      use("visual.pos_embed.weight", model.ends->patch.positions);
    } else {
      use("visual.row_embed.weight", model.ends->patch.rows);
      use("visual.column_embed.weight", model.ends->patch.columns);
      use("visual.frame_embed.weight", model.ends->patch.frames);
    }
  }
}

template <class Tensor>
std::vector<std::size_t> shape_of(const Tensor& t) {
  if constexpr (std::is_same_v<Tensor, llama::row_vector>) return {std::size_t(t.size())};
  return {std::size_t(t.rows()), std::size_t(t.cols())};
}

// Writes the tensors that `for_each` names, of the numbers that `number` makes of theirs.
template <class Number, class ForEach, class Make>
void save(const std::filesystem::path& path, tamp::io::dtype type, const ForEach& for_each,
          const Make& number) {
  std::vector<tamp::io::declaration> tensors;
  for_each([&](const std::string& name, const auto& tensor) {
    tensors.push_back({name, type, shape_of(tensor)});
  });
  tamp::io::safetensors_writer out(path, tensors, {{"format", "pt"}});
  std::vector<Number> row;
  for_each([&](const std::string& name, const auto& tensor) {
    for (llama::Index i = 0; i < tensor.rows(); ++i) {
      row.clear();
      for (llama::Index j = 0; j < tensor.cols(); ++j) row.push_back(number(tensor(i, j)));
      out.write(name, std::span<const Number>(row));
    }
  });
  out.commit();
}

}  // namespace

void save_weights(const std::filesystem::path& path, const llama::model& model) {
  save<float>(
      path, tamp::io::dtype::f32, [&](const auto& use) { for_each_tensor(model, use); },
      [](float w) { return w; });
}

void save_masks(const std::filesystem::path& path, const llama::model& model) {
  save<std::uint8_t>(
      path, tamp::io::dtype::u8, [&](const auto& use) { for_each_layer(model, use); },
      [](float w) { return std::uint8_t(w != 0 ? 1 : 0); });
}

}  // namespace study
