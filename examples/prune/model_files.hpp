#pragma once

// The files of a model, and the tensors in them.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace tamp_prune {

// The type of a tensor's numbers, as far as pruning tells them apart.
enum class number { f64, f32, f16, bf16, other };

struct tensor {
  std::string name;
  std::string type;  // as the file says it
  number kind = number::other;
  std::vector<std::size_t> shape;  // slowest dimension first
  std::size_t file = 0;            // which of the weights
  std::uint64_t offset = 0;        // of its bytes, from that file's beginning
  std::uint64_t length = 0;

  std::size_t size() const;  // number of elements
};

// A model is a file, or a folder as Hugging Face has it: one safetensors file, or shards with an
// index, and files that say what the model is. Hidden folders in it (.git, .cache) are no part of
// it.
struct model_files {
  std::filesystem::path folder;
  bool is_folder = false;
  std::vector<std::filesystem::path> weights;  // below the folder
  std::vector<std::filesystem::path> others;   // copied as they are
  std::vector<tensor> tensors;                 // file by file, in the order of their bytes

  std::filesystem::path path_of(std::size_t file) const { return folder / weights[file]; }
  std::uint64_t bytes() const;
};

// Reads the headers of all weights. Throws tamp::file_error if there is no model, if a file is
// damaged or cannot be read, or if an index and its shards contradict each other.
model_files find_model(const std::filesystem::path& path);

}  // namespace tamp_prune
