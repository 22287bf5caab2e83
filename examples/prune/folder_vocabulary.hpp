#pragma once

// The tokens of a folder: tokenizer.json, the files that repeat what it says, and the configurations
// that name tokens by their numbers.

#include <cstddef>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "model_files.hpp"
#include "vocabulary.hpp"

namespace tamp_prune {

// Reads tokenizer.json for an embedding of so many rows. Tokens that `config` or
// generation_config.json name stay. Throws tamp::error if there is no such file, or the tokenizer is
// no byte-pair encoding that can be cut.
vocabulary vocabulary_of_folder(const model_files& model, const nlohmann::ordered_json& config,
                                std::size_t rows);

// A configuration of fewer tokens: its vocab_size, and the numbers of the tokens that it names. Throws
// tamp::value_error where it names tokens in a way that tamp does not know.
void cut_configuration(nlohmann::ordered_json& config, std::size_t tokens,
                       std::span<const std::size_t> kept);

// The other files of the folder that change, by their names: a new content, or nothing where a file
// describes the old tokens in a form that tamp cannot change, and is left out.
using changed_files = std::map<std::filesystem::path, std::optional<std::string>>;
changed_files cut_files(const model_files& model, const vocabulary& tokens,
                        std::span<const std::size_t> kept);

}  // namespace tamp_prune
