#pragma once

/// @file
/// Questions about pictures: the sequences that a multimodal model sees, its answers, its accuracy.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model.hpp"

namespace llama {

/// Pictures, each with a question and the token that answers it.
struct scenes {
  Index image_size = 0;                 // pixels a side
  Index question_width = 0;             // tokens stored for each question
  std::vector<std::uint8_t> images;     // (scenes, image_size, image_size), 0..255
  std::vector<int> questions;           // (scenes, question_width), padded
  std::vector<int> question_lengths;    // (scenes,)
  std::vector<int> answers;             // (scenes,)
  std::vector<int> kinds;               // (scenes,), index into kind_names
  std::vector<std::string> kind_names;  // "count", "exists", ...
  std::vector<std::string> vocabulary;  // what each token is spelled like

  std::size_t size() const { return answers.size(); }
  std::span<const std::uint8_t> image(std::size_t i) const {
    const auto pixels = std::size_t(image_size * image_size);
    return {images.data() + i * pixels, pixels};
  }
  std::span<const int> question(std::size_t i) const {
    return {questions.data() + i * std::size_t(question_width), std::size_t(question_lengths[i])};
  }
};

/// The embeddings of one scene, (tokens, hidden), and which of its tokens are visual.
struct embedded_scene {
  matrix hidden;
  std::vector<std::uint8_t> visual;  // (tokens,), 1 for a patch, 0 for text
};

/// Patches of a picture in raster order, each flattened row by row: (patches, pixels of a patch).
matrix patches(const vision& v, std::span<const std::uint8_t> image);

/// `<bos> <image>` patches `</image>` question `<answer>`.
embedded_scene embed_scene(const model& m, const scenes& s, std::size_t i);

/// Logits of the token after the last one, (vocabulary,), from what `forward` returns.
row_vector last_logits(const model& m, const matrix& features);

/// The token that the model answers to each scene; several scenes at once.
std::vector<int> answer(const model& m, const scenes& s);

/// Fractions of right answers.
struct accuracy {
  double overall = 0;
  std::vector<double> of_kind;  // by index into scenes::kind_names; 0 where there is no scene
};

accuracy grade(const scenes& s, std::span<const int> given);

}  // namespace llama
