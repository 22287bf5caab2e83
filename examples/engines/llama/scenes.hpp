#pragma once

/// @file
/// Questions about pictures: the sequences that a multimodal model sees, its answers, its accuracy.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "forward.hpp"
#include "parallel.hpp"

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
inline matrix patches(const vision& v, std::span<const std::uint8_t> image) {
  const Index size = v.image_size, side = v.patch_size, across = size / side;
  matrix p(v.patches(), v.pixels_of_patch());
  for (Index y = 0; y < size; ++y)
    for (Index x = 0; x < size; ++x)
      p(y / side * across + x / side, y % side * side + x % side) =
          float(image[std::size_t(y * size + x)]) / 255.0f;
  return p;
}

/// `<bos> <image>` patches `</image>` question `<answer>`.
inline embedded_scene embed_scene(const model& m, const scenes& s, std::size_t i) {
  if (!m.config.vision) fail("a model without vision cannot look at pictures");
  const vision& v = *m.config.vision;
  if (s.image_size != v.image_size)
    fail("pictures of ", s.image_size, " pixels, the model takes ", v.image_size);
  const auto question = s.question(i);
  std::vector<int> tokens(std::size_t(v.first_patch + v.patches()), v.image_token);
  tokens.front() = v.bos_token;
  tokens.push_back(v.image_end_token);
  tokens.insert(tokens.end(), question.begin(), question.end());
  tokens.push_back(v.answer_token);

  embedded_scene e{embed(m, tokens), std::vector<std::uint8_t>(tokens.size(), 0)};
  const patch_embedding& patch = m.ends->patch;
  e.hidden.middleRows(v.first_patch, v.patches()) =
      (linear(patches(v, s.image(i)), patch.weight) + patch.positions).rowwise() + patch.bias;
  std::fill_n(e.visual.begin() + v.first_patch, v.patches(), std::uint8_t(1));
  return e;
}

/// Logits of the token after the last one, (vocabulary,), from what `forward` returns.
inline row_vector last_logits(const model& m, const matrix& features) {
  return features.bottomRows(1) * m.ends->head().transpose();
}

/// The token that the model answers to each scene; several scenes at once.
inline std::vector<int> answer(const model& m, const scenes& s) {
  std::vector<int> tokens(s.size());
  for_each_sequence(s.size(), [&](std::size_t i) {
    Index best = 0;
    last_logits(m, forward(m, embed_scene(m, s, i).hidden)).maxCoeff(&best);
    tokens[i] = int(best);
  });
  return tokens;
}

/// Fractions of right answers.
struct accuracy {
  double overall = 0;
  std::vector<double> of_kind;  // by index into scenes::kind_names; 0 where there is no scene
};

inline accuracy grade(const scenes& s, std::span<const int> given) {
  if (given.size() != s.size()) fail(given.size(), " answers to ", s.size(), " scenes");
  std::vector<std::size_t> right(s.kind_names.size()), asked(s.kind_names.size());
  std::size_t all_right = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const auto kind = std::size_t(s.kinds[i]);
    const bool correct = given[i] == s.answers[i];
    ++asked[kind];
    right[kind] += correct;
    all_right += correct;
  }
  const auto fraction = [](std::size_t part, std::size_t whole) {
    return whole == 0 ? 0.0 : double(part) / double(whole);
  };
  accuracy result{fraction(all_right, s.size()), {}};
  for (std::size_t k = 0; k < asked.size(); ++k)
    result.of_kind.push_back(fraction(right[k], asked[k]));
  return result;
}

}  // namespace llama
