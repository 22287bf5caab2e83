#pragma once

/// @file
/// A model and the tokenizer of its texts, as the loaders return them.

#include "model.hpp"
#include "tokenizer.hpp"

namespace llama {

struct language_model {
  llama::model model;
  llama::tokenizer tokenizer;
};

}  // namespace llama
