#pragma once

// Small models in files, and the same numbers in memory.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <prune/run.hpp>
#include <prune/settings.hpp>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <tamp/element.hpp>
#include <tamp/io/safetensors.hpp>
#include <tamp/tensor/view.hpp>
#include <vector>

#include "../io/files.hpp"

namespace support {

using tamp::io::dtype;

struct stored {
  std::string name;
  dtype type{};
  std::vector<std::size_t> shape;
  std::string bytes{};
};

template <class T>
std::string random_numbers(std::size_t count, std::mt19937& random) {
  std::normal_distribution<double> normal;
  std::string bytes;
  for (std::size_t k = 0; k < count; ++k)
    bytes += bytes_of(static_cast<T>(static_cast<float>(normal(random))));
  return bytes;
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// A tensor of random numbers that its name decides.
inline stored random_tensor(std::string name, dtype type, std::vector<std::size_t> shape) {
  std::size_t size = 1;
  for (const std::size_t extent : shape) size *= extent;
  std::seed_seq seed(name.begin(), name.end());
  std::mt19937 random(seed);
  std::string bytes;
  switch (type) {
    case dtype::f64:
      bytes = random_numbers<double>(size, random);
      break;
    case dtype::f32:
      bytes = random_numbers<float>(size, random);
      break;
    case dtype::f16:
      bytes = random_numbers<tamp::f16>(size, random);
      break;
    case dtype::bf16:
      bytes = random_numbers<tamp::bf16>(size, random);
      break;
    default:
      bytes.resize(size * tamp::io::detail::entry(type).bits / 8);
      for (char& byte : bytes) byte = static_cast<char>(random() & 1);
  }
  return {std::move(name), type, std::move(shape), std::move(bytes)};
}

inline void write_weights(const std::filesystem::path& path, const std::vector<stored>& tensors,
                          const std::map<std::string, std::string>& metadata = {{"format", "pt"}}) {
  std::vector<tamp::io::declaration> declared;
  for (const stored& t : tensors) declared.push_back({t.name, t.type, t.shape});
  tamp::io::safetensors_writer out(path, declared, metadata);
  for (const stored& t : tensors) out.write_bytes(t.name, as_bytes(t.bytes));
  out.commit();
}

inline std::string index_of(const std::map<std::string, std::vector<stored>>& shards) {
  std::string map;
  for (const auto& [file, tensors] : shards)
    for (const stored& t : tensors)
      map += (map.empty() ? "\"" : ",\"") + t.name + "\":\"" + file + '"';
  return R"({"metadata":{"total_size":1},"weight_map":{)" + map + "}}";
}

/// A folder as Hugging Face has it: shards, an index, and files of other kinds.
inline std::map<std::string, std::vector<stored>> shards_of_a_model() {
  return {{"model-00001-of-00002.safetensors",
           {random_tensor("model.embed_tokens.weight", dtype::f32, {10, 6}),
            random_tensor("model.layers.0.self_attn.q_proj.weight", dtype::f32, {4, 6}),
            random_tensor("model.layers.0.input_layernorm.weight", dtype::f32, {6}),
            random_tensor("model.layers.0.mlp.down_proj.weight", dtype::bf16, {6, 8}),
            random_tensor("model.layers.0.mlp.down_proj.bias", dtype::bf16, {6})}},
          {"model-00002-of-00002.safetensors",
           {random_tensor("model.layers.1.self_attn.q_proj.weight", dtype::f64, {4, 6}),
            random_tensor("model.layers.1.self_attn.k_proj.weight", dtype::i8, {4, 6}),
            random_tensor("model.layers.1.self_attn.v_proj.weight", dtype::f32, {0, 6}),
            random_tensor("model.layers.1.mlp.gate.weight", dtype::f32, {3, 6}),
            random_tensor("model.layers.1.mlp.up_proj.weight", dtype::f16, {8, 6}),
            random_tensor("lm_head.weight", dtype::f32, {10, 6})}}};
}
inline std::string write_model(const temporary_folder& folder, std::string_view name = "model") {
  namespace fs = std::filesystem;
  const fs::path path = folder / name;
  fs::create_directories(path / "tokenizer");
  const auto shards = shards_of_a_model();
  for (const auto& [file, tensors] : shards) write_weights(path / file, tensors);
  const std::string in(name);
  folder.write(in + "/model.safetensors.index.json", index_of(shards));
  folder.write(in + "/config.json", R"({"model_type":"llama"})");
  folder.write(in + "/tokenizer/vocabulary.txt", "a b c");
  return path.string();
}

/// All files of a folder, or one file, by name below it.
inline std::map<std::string, std::string> files_of(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  if (fs::is_regular_file(path)) return {{"", read_bytes(path)}};
  std::map<std::string, std::string> files;
  if (!fs::exists(path)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), path).string()] = read_bytes(entry.path());
  return files;
}

/// A matrix in memory; as (in, out) if it is transposed.
template <class T>
struct numbers {
  std::size_t rows, cols;
  bool is_transposed;
  std::vector<T> values;

  numbers(std::string_view bytes, std::size_t r, std::size_t c, bool transposed = false)
      : rows(r), cols(c), is_transposed(transposed), values(bytes.size() / sizeof(T)) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
  }
  tamp::matrix_view<T> view() {
    if (is_transposed) return {values.data(), rows, cols, 1, static_cast<std::ptrdiff_t>(rows)};
    return {values.data(), rows, cols, static_cast<std::ptrdiff_t>(cols), 1};
  }
  std::string bytes() const {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
  }
};

/// The bytes of a tensor in a model that may have shards.
inline std::string bytes_in(const std::filesystem::path& model, std::string_view name) {
  for (const auto& [file, bytes] : files_of(model)) {
    const auto path = file.empty() ? model : model / file;
    if (!file.empty() && path.extension() != ".safetensors") continue;
    const tamp::io::safetensors_file weights(path);
    if (!weights.contains(name)) continue;
    const auto found = weights.at(name).bytes;
    return {reinterpret_cast<const char*>(found.data()), found.size()};
  }
  BOOST_ERROR("there is no " << name);
  return {};
}

inline tamp_prune::settings settings_for(const std::filesystem::path& model,
                                         const std::filesystem::path& out) {
  tamp_prune::settings s;
  s.model = model.string();
  s.out = out.string();
  s.score = "magnitude";
  return s;
}

struct result {
  int code = -1;
  std::string output, errors;
};

/// A run to its end, with what it prints.
inline result result_of(const tamp_prune::settings& s,
                        tamp_prune::surroundings around = tamp_prune::surroundings()) {
  struct text_file {
    std::FILE* file = std::tmpfile();
    ~text_file() { std::fclose(file); }
    std::string text() const {
      std::rewind(file);
      std::string text;
      for (int c; (c = std::fgetc(file)) != EOF;) text += static_cast<char>(c);
      return text;
    }
  } output, errors;
  around.output = output.file;
  around.errors = errors.file;
  const int code = tamp_prune::run(s, around);
  return {code, output.text(), errors.text()};
}
/// The text that a run prints, which comes to its end.
inline std::string output_of(const tamp_prune::settings& s,
                             const tamp_prune::surroundings& around = tamp_prune::surroundings()) {
  const result done = result_of(s, around);
  BOOST_TEST(done.code == 0);
  BOOST_TEST(done.errors.empty());
  return done.output;
}

}  // namespace support
