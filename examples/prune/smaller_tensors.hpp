#pragma once

// The tensors of the smaller model, or of one whose units are reordered, and their bytes.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tamp/structure/gather.hpp>
#include <tamp/structure/permute.hpp>
#include <tamp/structure/ties.hpp>
#include <tamp/structure/unit_plan.hpp>
#include <vector>

#include "decoder_blocks.hpp"
#include "file_weights.hpp"
#include "model_files.hpp"
#include "text_norms.hpp"

namespace tamp_prune {

// One tensor that is written.
struct smaller_tensor {
  std::string name;
  std::size_t file = 0;                 // which of the weights
  std::optional<std::size_t> source{};  // which of the model's tensors, unless it is new
  std::vector<std::size_t> shape{};
  std::string type{};                 // as the file says it
  std::uint32_t ggml_type = 0;        // in a GGUF file
  tamp::structure::kept_part kept{};  // or in another order
  std::vector<float> numbers{};       // of a new tensor
};

// Lists the smaller tensors. `retype` is empty, or what tensors of a GGUF file become whose columns
// cannot be copied. Throws tamp::value_error where a type cannot hold what stays.
std::vector<smaller_tensor> smaller_tensors(const model_files& model, const decoder_blocks& decoder,
                                            const tamp::structure::ties& ties,
                                            const tamp::structure::unit_plan& plan,
                                            const std::string& retype);

// Lists the tensors of the same model with units in other orders. Throws as above.
std::vector<smaller_tensor> permuted_tensors(const model_files& model,
                                             const tamp::structure::ties& ties,
                                             const std::vector<tamp::structure::unit_order>& orders,
                                             const std::string& retype);

// Adds the biases of o and down that stand in for what left, and biases of zero where a
// configuration knows all of them or none. Throws tamp::value_error if the model has biases already
// or there are no statistics.
void add_biases(std::vector<smaller_tensor>& tensors, const model_files& model,
                const decoder_blocks& decoder, const tamp::structure::ties& ties,
                const tamp::structure::unit_plan& plan, const text_statistics& seen);

// The bytes of one of them.
std::vector<std::byte> bytes_of(const smaller_tensor& t, const model_files& model,
                                const file_weights& weights);
std::uint64_t length_of(const smaller_tensor& t, const model_files& model);

}  // namespace tamp_prune
