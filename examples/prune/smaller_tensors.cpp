#include "smaller_tensors.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <span>
#include <string_view>
#include <tamp/element.hpp>
#include <tamp/error.hpp>
#include <tamp/io/dtype.hpp>
#include <tamp/io/ggml_rows.hpp>
#include <tamp/io/ggml_types.hpp>
#include <tamp/structure/channel_fluctuation.hpp>
#include <utility>

namespace tamp_prune {
namespace {

namespace structure = tamp::structure;
namespace ggml = tamp::io::ggml;
using tamp::detail::sentence;

// Numbers that are stored together, and the bytes that they take.
struct stored_block {
  std::size_t values = 1, bytes = 1;
};
stored_block stored_block_of(const tensor& t, bool is_gguf) {
  if (is_gguf) {
    const ggml::type_info* const type = ggml::find_type(t.ggml_type);
    if (type == nullptr) return {0, 0};
    return {type->values, type->bytes};
  }
  const auto& type = tamp::io::detail::entry(t.type);
  return {1, type.bits % 8 == 0 ? type.bits / 8 : 0};
}

// The blocks of columns that stay or move together; nothing if one does so in part.
std::optional<std::vector<std::size_t>> whole_blocks(const std::vector<std::size_t>& cols,
                                                     std::size_t values) {
  if (values == 0 || cols.size() % values != 0) return std::nullopt;
  std::vector<std::size_t> blocks;
  for (std::size_t k = 0; k < cols.size(); k += values) {
    if (cols[k] % values != 0) return std::nullopt;
    for (std::size_t j = 1; j < values; ++j)
      if (cols[k + j] != cols[k] + j) return std::nullopt;
    blocks.push_back(cols[k] / values);
  }
  return blocks;
}

// True if all is kept, in its place.
bool is_whole(const structure::kept_part& kept, const structure::extents& shape) {
  return kept.rows.size() == shape.rows && kept.cols.size() == shape.cols &&
         std::is_sorted(kept.rows.begin(), kept.rows.end()) &&
         std::is_sorted(kept.cols.begin(), kept.cols.end());
}

std::vector<std::size_t> smaller_shape(const tensor& t, const structure::kept_part& kept) {
  std::vector<std::size_t> shape = t.shape;
  if (shape.empty()) return shape;
  shape.back() = kept.cols.size();
  if (shape.size() == 1) return shape;
  const std::size_t inner =
      std::accumulate(shape.begin() + 1, shape.end() - 1, std::size_t{1}, std::multiplies<>());
  if (inner == 0 || kept.rows.size() % inner != 0)
    throw tamp::value_error(sentence("--structure: ", t.name, " keeps ", kept.rows.size(),
                                     " rows, which are no whole matrices of ", inner));
  shape.front() = kept.rows.size() / inner;
  return shape;
}

// Chooses the type of a tensor of a GGUF file whose columns change as the option says: "leave" or
// "move".
void choose_type(smaller_tensor& s, const tensor& t, const std::string& retype,
                 std::string_view option = "--structure", std::string_view change = "leave") {
  const auto* type = ggml::find_type(t.ggml_type);
  if (type == nullptr)
    throw tamp::value_error(
        sentence(option, ": ", t.name, " is of a type that tamp does not know"));
  if (whole_blocks(s.kept.cols, type->values)) return;
  if (type->decode_row == nullptr)
    throw tamp::value_error(
        sentence(option, ": ", t.name, " is of type ", t.type, ", which tamp does not read"));
  if (type->encode_row == nullptr) {
    if (retype.empty())
      throw tamp::value_error(sentence(option, ": columns of ", t.name, ' ', change,
                                       ", and tamp does not write ", t.type,
                                       ": --retype q8_0 or f16 says what becomes of such tensors"));
    type = ggml::find_type(retype == "q8_0" ? "Q8_0" : "F16");
  }
  if (s.kept.cols.size() % type->values != 0)
    throw tamp::value_error(sentence(option, ": ", t.name, " keeps ", s.kept.cols.size(),
                                     " columns, which is no multiple of the ", type->values,
                                     " in a block of ", type->name, ": use --multiple ",
                                     type->values));
  s.ggml_type = type->id;
  s.type = std::string(type->name);
}

std::string new_name(const std::string& name, const decoder_blocks& decoder,
                     const std::vector<std::size_t>& layers) {
  const std::string begin = decoder.stack + '.';
  if (!name.starts_with(begin)) return name;
  const std::size_t dot = name.find('.', begin.size());
  if (dot == name.npos) return name;
  const std::string number = name.substr(begin.size(), dot - begin.size());
  for (std::size_t k = 0; k < layers.size(); ++k)
    if (number == std::to_string(layers[k])) return begin + std::to_string(k) + name.substr(dot);
  return name;
}

// Experts that have tensors of their own are numbered anew, too.
void renumber_expert(std::string& name, const std::string& old, const decoder_blocks& decoder,
                     const structure::unit_plan& plan) {
  constexpr std::string_view experts = ".experts.";
  const std::size_t at = name.find(experts), in_old = old.find(experts);
  if (at == name.npos || !old.starts_with(decoder.stack + '.')) return;
  const std::size_t begin = decoder.stack.size() + 1;
  const std::string block = old.substr(begin, old.find('.', begin) - begin);
  const auto* const choice = plan.find(decoder.stack + '.' + block + ".experts");
  if (choice == nullptr) return;
  const std::string number = old.substr(
      in_old + experts.size(), old.find('.', in_old + experts.size()) - in_old - experts.size());
  for (std::size_t k = 0; k < choice->kept.size(); ++k)
    if (number == std::to_string(choice->kept[k])) {
      name.replace(at + experts.size(), number.size(), std::to_string(k));
      return;
    }
}

std::vector<std::size_t> kept_layers(const decoder_blocks& decoder,
                                     const structure::unit_plan& plan) {
  if (const auto* const choice = plan.find(decoder.stack)) return choice->kept;
  std::vector<std::size_t> all(decoder.blocks.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

template <class T>
void store(std::vector<std::byte>& bytes, std::span<const float> numbers) {
  bytes.resize(numbers.size() * sizeof(T));
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    const T number = tamp::element_traits<T>::store(static_cast<tamp::compute_type<T>>(numbers[k]));
    std::memcpy(bytes.data() + k * sizeof(T), &number, sizeof(T));
  }
}

std::vector<std::byte> stored(const smaller_tensor& t) {
  std::vector<std::byte> bytes;
  if (t.type == "F16")
    store<tamp::f16>(bytes, t.numbers);
  else if (t.type == "BF16")
    store<tamp::bf16>(bytes, t.numbers);
  else
    store<float>(bytes, t.numbers);
  return bytes;
}

std::vector<std::byte> encoded(const smaller_tensor& s, const tensor& t,
                               std::span<const std::byte> from) {
  const auto shape = matrix_of(t);
  const tamp::io::ggml_rows rows(t.ggml_type, from, shape.rows, shape.cols, t.name);
  const auto& type = *ggml::find_type(s.ggml_type);
  std::vector<std::byte> bytes(s.kept.rows.size() * (s.kept.cols.size() / type.values) *
                               type.bytes);
  tamp::io::ggml_rows out(s.ggml_type, std::span(bytes), s.kept.rows.size(), s.kept.cols.size(),
                          s.name);
  std::vector<float> row(shape.cols), part(s.kept.cols.size());
  for (std::size_t i = 0; i < s.kept.rows.size(); ++i) {
    rows.read_row(s.kept.rows[i], row);
    for (std::size_t j = 0; j < part.size(); ++j) part[j] = row[s.kept.cols[j]];
    out.encode_row(i, part);
  }
  return bytes;
}

}  // namespace

std::vector<smaller_tensor> smaller_tensors(const model_files& model, const decoder_blocks& decoder,
                                            const structure::ties& ties,
                                            const structure::unit_plan& plan,
                                            const std::string& retype) {
  const auto layers = kept_layers(decoder, plan);
  std::vector<smaller_tensor> all;
  for (std::size_t k = 0; k < model.tensors.size(); ++k) {
    const tensor& t = model.tensors[k];
    const auto shape = matrix_of(t);
    smaller_tensor s{new_name(t.name, decoder, layers),
                     t.file,
                     k,
                     t.shape,
                     t.type,
                     t.ggml_type,
                     structure::kept_of(ties, plan, t.name, shape)};
    if (s.kept.leaves) continue;
    renumber_expert(s.name, t.name, decoder, plan);
    if (!is_whole(s.kept, shape)) {
      s.shape = smaller_shape(t, s.kept);
      if (model.is_gguf)
        choose_type(s, t, retype);
      else if (stored_block_of(t, false).bytes == 0)
        throw tamp::value_error(sentence("--structure: ", t.name, " is of type ", t.type,
                                         ", of which no part can be copied"));
    }
    all.push_back(std::move(s));
  }
  return all;
}

std::vector<smaller_tensor> permuted_tensors(const model_files& model, const structure::ties& ties,
                                             const std::vector<structure::unit_order>& orders,
                                             const std::string& retype) {
  constexpr std::string_view option = "--permute";
  std::vector<smaller_tensor> all;
  for (std::size_t k = 0; k < model.tensors.size(); ++k) {
    const tensor& t = model.tensors[k];
    auto places = structure::arrangement_of(ties, orders, t.name, matrix_of(t));
    const bool moves = !places.is_identity();
    smaller_tensor s{t.name,
                     t.file,
                     k,
                     t.shape,
                     t.type,
                     t.ggml_type,
                     {false, std::move(places.rows), std::move(places.cols)}};
    if (moves && model.is_gguf)
      choose_type(s, t, retype, option, "move");
    else if (moves && stored_block_of(t, false).bytes == 0)
      throw tamp::value_error(sentence(option, ": ", t.name, " is of type ", t.type,
                                       ", of which no part can be copied"));
    all.push_back(std::move(s));
  }
  return all;
}

void add_biases(std::vector<smaller_tensor>& tensors, const model_files& model,
                const decoder_blocks& decoder, const structure::ties& ties,
                const structure::unit_plan& plan, const text_statistics& seen) {
  const auto layers = kept_layers(decoder, plan);
  const file_weights weights(model);
  for (const std::size_t n : layers) {
    const decoder_block& b = decoder.blocks[n];
    for (const std::string* bias :
         {&b.q_bias, &b.k_bias, &b.v_bias, &b.o_bias, &b.gate_bias, &b.up_bias, &b.down_bias})
      if (!bias->empty())
        throw tamp::value_error("--compensate writes biases, and the model has " + *bias +
                                " already");
    const auto add = [&](const std::string& weight, std::vector<float> numbers) {
      const tensor& t = find_tensor(model, weight);
      constexpr std::string_view ending = ".weight";
      const std::string name = weight.substr(0, weight.size() - ending.size()) + ".bias";
      smaller_tensor s{new_name(name, decoder, layers), t.file, {}, {numbers.size()}};
      s.type = model.is_gguf ? "F32" : t.type;
      s.ggml_type = 0;  // F32
      s.numbers = std::move(numbers);
      tensors.push_back(std::move(s));
    };
    for (const std::string* weight : {&b.o, &b.down}) {
      const auto found = seen.variances.find(*weight);
      if (found == seen.variances.end())
        throw tamp::value_error("--compensate: there are no statistics of " + *weight);
      const auto kept =
          structure::kept_of(ties, plan, *weight, matrix_of(find_tensor(model, *weight)));
      weights.visit(*weight, [&](auto&& w) {
        const auto bias = structure::bias_of_dropped(w, found->second.means(), kept.cols);
        add(*weight, std::vector<float>(bias.begin(), bias.end()));
      });
    }
    if (model.is_gguf) continue;  // in which any bias may be missing
    for (const std::string* weight : {&b.q, &b.k, &b.v, &b.gate, &b.up}) {
      const auto kept =
          structure::kept_of(ties, plan, *weight, matrix_of(find_tensor(model, *weight)));
      add(*weight, std::vector<float>(kept.rows.size()));
    }
  }
}

std::uint64_t length_of(const smaller_tensor& s, const model_files& model) {
  if (!s.source) return s.numbers.size() * (s.type == "F16" || s.type == "BF16" ? 2 : 4);
  const tensor& t = model.tensors[*s.source];
  if (is_whole(s.kept, matrix_of(t))) return t.length;
  const std::uint64_t numbers = std::uint64_t{s.kept.rows.size()} * s.kept.cols.size();
  if (model.is_gguf) {
    const auto& type = *ggml::find_type(s.ggml_type);
    return numbers / type.values * type.bytes;
  }
  return numbers * stored_block_of(t, false).bytes;
}

std::vector<std::byte> bytes_of(const smaller_tensor& s, const model_files& model,
                                const file_weights& weights) {
  if (!s.source) return stored(s);
  const tensor& t = model.tensors[*s.source];
  std::vector<std::byte> from = weights.bytes_of(t);
  const auto shape = matrix_of(t);
  if (is_whole(s.kept, shape)) return from;
  const stored_block block = stored_block_of(t, model.is_gguf);
  const auto blocks = whole_blocks(s.kept.cols, block.values);
  if (!blocks || s.ggml_type != t.ggml_type) return encoded(s, t, from);
  const std::size_t row_bytes = shape.cols / block.values * block.bytes;
  std::vector<std::byte> bytes(s.kept.rows.size() * blocks->size() * block.bytes);
  std::byte* to = bytes.data();
  for (const std::size_t i : s.kept.rows)
    for (const std::size_t b : *blocks) {
      std::memcpy(to, from.data() + i * row_bytes + b * block.bytes, block.bytes);
      to += block.bytes;
    }
  return bytes;
}

}  // namespace tamp_prune
