#pragma once

/// @file
/// Questions about pictures: the sequences that a multimodal model sees, its answers, its accuracy.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model.hpp"
#include "parallel.hpp"

namespace llama {

/// A square, grey picture, or a clip of several.
struct picture {
  Index side = 0;                        // pixels
  Index frames = 1;                      // one after another
  std::span<const std::uint8_t> pixels;  // (frames, side, side), 0..255
};

/// Pictures, and questions about them with the tokens that answer them.
struct scenes {
  Index question_width = 0;             // tokens stored for each question
  std::vector<std::uint8_t> pixels;     // of all pictures, one after another
  std::vector<Index> sides, frames;     // (pictures,)
  std::vector<std::size_t> starts;      // (pictures,), the first of their pixels
  std::vector<std::size_t> pictures;    // (scenes,), which picture is asked about
  std::vector<int> questions;           // (scenes, question_width), padded
  std::vector<int> question_lengths;    // (scenes,)
  std::vector<int> answers;             // (scenes,)
  std::vector<int> kinds;               // (scenes,), index into kind_names
  std::vector<std::string> kind_names;  // "count", "exists", ...
  std::vector<std::string> vocabulary;  // what each token is spelled like

  std::size_t size() const { return answers.size(); }
  llama::picture picture(std::size_t i) const {
    const std::size_t p = pictures[i];
    const Index side = sides[p], count = frames[p];
    return {side, count,
            std::span(pixels).subspan(starts[p], std::size_t(count) * std::size_t(side * side))};
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

/// Patches of a picture in raster order, frame by frame, each flattened row by row: (patches, pixels
/// of a patch).
matrix patches(const vision& v, const picture& p);

/// `<bos> <image>` patches `</image>` question `<answer>`.
embedded_scene embed_scene(const model& m, const scenes& s, std::size_t i);

/// Logits of the token after the last one, (vocabulary,), from what `forward` returns.
row_vector last_logits(const model& m, const matrix& features);

/// The token that the model answers to each scene; several scenes at once.
std::vector<int> answer(const model& m, const scenes& s, const progress_function& on_progress = {});

/// Fractions of right answers.
struct accuracy {
  double overall = 0;
  std::vector<double> of_kind;  // by index into scenes::kind_names; 0 where there is no scene
};

accuracy grade(const scenes& s, std::span<const int> given);

}  // namespace llama
