#pragma once

/// @file
/// The sizes of a LLaMA-architecture model, the engine's matrices and its error.

#include <Eigen/Core>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>

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

/// How pictures enter the sequence: `<bos> <image>` patches `</image>` question `<answer>`.
struct vision {
  Index image_size = 0;  ///< pixels a side of the square, grey picture
  Index patch_size = 0;  ///< pixels a side of a square patch
  int bos_token = 0, image_token = 0, image_end_token = 0, answer_token = 0;

  Index patches() const { return (image_size / patch_size) * (image_size / patch_size); }
  Index pixels_of_patch() const { return patch_size * patch_size; }
  static constexpr Index first_patch = 2;  ///< position of the first patch in the sequence
};

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
  bool tied_head = false;  ///< the head is the embedding itself
  std::optional<llama::vision> vision;
};

/// Throws where the numbers cannot belong to a model: before any tensor is read.
void check(const config& c);

}  // namespace llama
