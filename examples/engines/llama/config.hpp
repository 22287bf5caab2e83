#pragma once

/// @file
/// The configuration of a LLaMA-like model, the engine's matrices and its error.

#include <Eigen/Core>
#include <cstddef>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace llama {

using Eigen::Index;

/// Weights are (out_features, in_features), activations (tokens, features); both row by row.
using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using row_vector = Eigen::RowVectorXf;

/// Everything that the engine throws; the text is a sentence with names and numbers.
class error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw error(text.str());
}

/// The form of a sequence with a picture: `<bos> <image>` patches `</image>` question `<answer>`.
/// They are square and grey. A model takes single pictures of one size, and knows each of their
/// places by itself; or it takes pictures of any size up to one and clips of several frames, whose
/// places are sums of a row, a column and a frame.
struct vision {
  Index image_size = 0;  ///< pixels a side of all pictures; 0: they are of several sizes
  Index patch_size = 0;  ///< pixels a side of a square patch
  int bos_token = 0, image_token = 0, image_end_token = 0, answer_token = 0;
  Index most_patches_a_side = 0;  ///< of pictures of several sizes
  Index most_frames = 1;          ///< of a clip of several sizes

  bool is_of_one_size() const { return image_size != 0; }
  /// Patches of a picture of the only size.
  Index patches() const { return (image_size / patch_size) * (image_size / patch_size); }
  Index pixels_of_patch() const { return patch_size * patch_size; }
  static constexpr Index first_patch = 2;  ///< position of the first patch in the sequence
};

/// The activation function of the feed-forward part's gate.
enum class activation { silu, gelu };  // gelu in its form with tanh

/// Layers that see only the tokens before them that are near (gemma 3).
struct sliding_window {
  Index tokens = 0;             ///< seen by a query, itself among them
  Index period = 0;             ///< every period-th layer sees all tokens
  double rope_theta = 10000.0;  ///< of the layers that do not
};

/// The numbers of a block that pruning may change.
struct block_size {
  Index heads = 0, kv_heads = 0, ffn = 0;
};

/// Of one architecture, as general.architecture calls them, are llama, qwen2, qwen3 and gemma3:
/// they differ in these values and in nothing else.
struct config {
  Index hidden = 0;    ///< width of the residual stream
  Index layers = 0;    ///< decoder blocks
  Index heads = 0;     ///< query heads
  Index kv_heads = 0;  ///< key and value heads, each shared by heads / kv_heads query heads
  Index head_dim = 0;  ///< width of one head
  Index ffn = 0;       ///< width inside the feed-forward part
  Index vocabulary = 0;
  Index positions = 0;  ///< longest sequence
  float rms_epsilon = 1e-5f;
  double rope_theta = 10000.0;
  row_vector rope_divisors;  ///< of RoPE's frequencies, (head_dim / 2,), or empty
  bool tied_head = false;    ///< the head is the embedding itself

  llama::activation activation = activation::silu;
  bool biases = false;           ///< of q_proj, k_proj and v_proj (qwen2)
  bool output_bias = false;      ///< of o_proj, as pruning of heads leaves it
  bool gate_biases = false;      ///< of gate_proj and up_proj
  bool down_bias = false;        ///< of down_proj, as pruning of neurons leaves it
  bool head_norms = false;       ///< RMSNorm of each query and key, before RoPE (qwen3, gemma 3)
  bool output_norms = false;     ///< RMSNorm of what both halves of a block add (gemma 3)
  float embedding_scale = 1.0f;  ///< of the embedding, but not of a head that is tied to it
  float attention_scale = 0.0f;  ///< of queries times keys; 0 is 1 / sqrt(head_dim)
  std::optional<sliding_window> window;
  std::optional<llama::vision> vision;
  /// Of each block where they differ, as structured pruning leaves them; else empty.
  std::vector<block_size> sizes;

  block_size size_of(Index block) const {
    return sizes.empty() ? block_size{heads, kv_heads, ffn} : sizes[std::size_t(block)];
  }

  /// The number of tokens that a query of a layer sees, itself among them; 0 is all.
  Index window_of(Index layer) const {
    return window && (layer + 1) % window->period != 0 ? window->tokens : 0;
  }
};

/// Throws where the numbers cannot belong to a model: before any tensor is read.
void check(const config& c);

}  // namespace llama
