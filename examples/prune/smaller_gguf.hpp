#pragma once

// The smaller model as a GGUF file.

#include <cstddef>
#include <filesystem>
#include <string>
#include <tamp/io/gguf_header.hpp>
#include <vector>

#include "model_ties.hpp"
#include "smaller_tensors.hpp"

namespace tamp_prune {

// The header of a GGUF file, with the bytes that it refers to.
class gguf_source {
 public:
  explicit gguf_source(const model_files& model);
  gguf_source(const gguf_source&) = delete;
  gguf_source& operator=(const gguf_source&) = delete;

  const tamp::io::gguf_header& header() const { return header_; }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  std::string architecture() const;

 private:
  std::vector<std::byte> bytes_;
  tamp::io::gguf_header header_;
};

model_numbers numbers_of_gguf(const gguf_source& source);

// One pair of the metadata: the key, and its type and value as bytes.
struct metadata_pair {
  std::string key;
  std::vector<std::byte> value;
};

// The metadata of the smaller model. Blocks of different widths need an architecture of which
// llama.cpp reads them as lists; `architecture` replaces that of the model, or is empty. Throws
// tamp::value_error, before anything is written, where the metadata cannot say what changes.
std::vector<metadata_pair> changed_metadata(const gguf_source& source,
                                            const structure_change& change, bool adds_biases,
                                            const std::string& architecture);

// Writes the file, which appears when it is complete.
void write_gguf(const std::filesystem::path& path, const model_files& model,
                const gguf_source& source, const std::vector<metadata_pair>& metadata,
                const std::vector<smaller_tensor>& tensors);

}  // namespace tamp_prune
