#pragma once

/// @file
/// Loads a model of architecture "llama", "qwen2", "qwen3" or "gemma3" and its tokenizer from a GGUF
/// file; quantised weights are turned into floats.

#include <string>

#include "language_model.hpp"

namespace llama {

language_model load_gguf(const std::string& path);

/// The tokenizer alone, of a file of any architecture.
tokenizer load_gguf_tokenizer(const std::string& path);

/// GGUF's name of the tensor with a Hugging Face name: "model.layers.3.self_attn.q_proj.weight" is
/// "blk.3.attn_q.weight". `output_norms` states that attention and the feed-forward part have a norm
/// behind them, too.
std::string gguf_name(std::string name, bool output_norms = false);

}  // namespace llama
