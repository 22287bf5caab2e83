#pragma once

// The tokens of a GGUF file: the lists of its metadata with an entry for each token, and what names
// tokens by their numbers.

#include <cstddef>
#include <span>
#include <vector>

#include "gguf_values.hpp"
#include "vocabulary.hpp"

namespace tamp_prune {

// Reads the tokens of an embedding of so many rows. Throws tamp::value_error if the tokenizer is no
// byte-pair encoding ('gpt2', 'llama') that can be cut.
vocabulary vocabulary_of_gguf(const std::vector<metadata_pair>& metadata, std::size_t rows);

// Leaves the tokens that stay in the metadata of a file. `architecture` begins its keys.
void cut_metadata(std::vector<metadata_pair>& metadata, std::string_view architecture,
                  const vocabulary& tokens, std::span<const std::size_t> kept);

}  // namespace tamp_prune
