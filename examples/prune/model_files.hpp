#pragma once

// The files of a model, and the tensors in them.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/io/gguf_header.hpp>
#include <vector>

namespace tamp_prune {

// The file that says which tensors the shards of a folder hold.
inline constexpr std::string_view index_name = "model.safetensors.index.json";

// The type of a tensor's numbers, as far as pruning tells them apart: plain numbers, ggml's blocks,
// and what tamp does not read.
enum class number { f64, f32, f16, bf16, block, other };

struct tensor {
  std::string name;
  std::string type;  // as the file says it
  number kind = number::other;
  std::vector<std::size_t> shape;  // slowest dimension first
  std::size_t file = 0;            // which of the weights
  std::uint64_t offset = 0;        // of its bytes, from that file's beginning
  std::uint64_t length = 0;
  std::uint32_t ggml_type = 0;  // of blocks

  // True for blocks that have a code for zero, and plain numbers.
  bool has_zero() const;
  // True for blocks that tamp can encode, and plain numbers.
  bool can_be_written() const;
  std::size_t size() const;  // number of elements
};

// A model is a safetensors file, a GGUF file, the parts of one that was split, or a folder as
// Hugging Face has it: one safetensors file, or shards with an index, and files that say what the
// model is. Hidden folders in it (.git, .cache) are no part of it.
struct model_files {
  std::filesystem::path folder;  // that the weights lie in
  bool is_folder = false;        // the model is all that the folder has
  bool is_gguf = false;
  std::vector<std::filesystem::path> weights;  // below the folder
  std::vector<std::filesystem::path> others;   // copied as they are
  std::vector<tensor> tensors;                 // file by file, in the order of their bytes

  std::filesystem::path path_of(std::size_t file) const { return folder / weights[file]; }
  // True if the pruned model is a folder, with files of the same names.
  bool becomes_folder() const { return is_folder || weights.size() > 1; }
  // Paths that must not be written to: the folder, or the files of weights.
  std::vector<std::filesystem::path> sources() const;
  std::vector<std::uint64_t> sizes() const;  // of the weights, in bytes
  std::uint64_t bytes() const;               // of all of them
};

// The header of a GGUF file, of which nobody knows beforehand how long it is. `bytes` will hold it.
tamp::io::gguf_header read_gguf_header(const tamp::detail::readable_file& file,
                                       std::vector<std::byte>& bytes);

// Reads the headers of all weights. Throws tamp::file_error if there is no model, if a file is
// damaged or cannot be read, or if an index and its shards or the parts of a split file contradict
// each other.
model_files find_model(const std::filesystem::path& path);

}  // namespace tamp_prune
