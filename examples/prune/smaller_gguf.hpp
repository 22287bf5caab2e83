#pragma once

// The smaller model as a GGUF file.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <tamp/io/gguf_header.hpp>
#include <vector>

#include "gguf_values.hpp"
#include "model_ties.hpp"
#include "smaller_tensors.hpp"
#include "vocabulary.hpp"

namespace tamp_prune {

// The header of a GGUF file, with the bytes that it refers to.
class gguf_source {
 public:
  // Throws tamp::file_error, which names the option that needs it, for a file that was split.
  explicit gguf_source(const model_files& model, std::string_view option = "--structure");
  gguf_source(const gguf_source&) = delete;
  gguf_source& operator=(const gguf_source&) = delete;

  const tamp::io::gguf_header& header() const { return header_; }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  std::string architecture() const;
  // All pairs of the metadata, in the order of the file.
  std::vector<metadata_pair> metadata() const;

 private:
  std::vector<std::byte> bytes_;
  tamp::io::gguf_header header_;
};

model_numbers numbers_of_gguf(const gguf_source& source);

// The metadata of the smaller model. Blocks of different widths need an architecture of which
// llama.cpp reads them as lists; `architecture` replaces that of the model, or is empty. `tokens` are
// the model's, if some leave. Throws
// tamp::value_error, before anything is written, where the metadata cannot say what changes.
std::vector<metadata_pair> changed_metadata(const gguf_source& source,
                                            const structure_change& change, bool adds_biases,
                                            const std::string& architecture,
                                            const vocabulary& tokens = {});

// Writes the file, which appears when it is complete. Returns false, and writes nothing, if
// `is_stopped` says so between two tensors.
bool write_gguf(const std::filesystem::path& path, const model_files& model,
                const gguf_source& source, const std::vector<metadata_pair>& metadata,
                const std::vector<smaller_tensor>& tensors,
                const std::function<bool()>& is_stopped);

}  // namespace tamp_prune
