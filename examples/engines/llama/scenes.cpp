#include "scenes.hpp"

#include <algorithm>

#include "forward.hpp"
#include "parallel.hpp"

namespace llama {

matrix patches(const vision& v, const picture& p) {
  const Index size = p.side, side = v.patch_size, across = size / side;
  matrix cut(p.frames * across * across, v.pixels_of_patch());
  for (Index y = 0; y < p.frames * size; ++y)
    for (Index x = 0; x < size; ++x)
      cut(y / side * across + x / side, y % side * side + x % side) =
          float(p.pixels[std::size_t(y * size + x)]) / 255.0f;
  return cut;
}

namespace {

void check(const vision& v, const picture& p) {
  if (v.is_of_one_size()) {
    if (p.side != v.image_size)
      fail("pictures of ", p.side, " pixels, the model takes ", v.image_size);
    if (p.frames != 1) fail("a clip of ", p.frames, " frames, the model takes single pictures");
    return;
  }
  if (p.side % v.patch_size != 0)
    fail("pictures of ", p.side, " pixels do not divide into patches of ", v.patch_size);
  if (p.side / v.patch_size > v.most_patches_a_side || p.frames > v.most_frames)
    fail("a picture of ", p.side / v.patch_size, " patches a side and ", p.frames,
         " frames, the model takes up to ", v.most_patches_a_side, " and ", v.most_frames);
}

/// The embedding of each patch's place in a picture, (patches, hidden).
matrix places(const vision& v, const patch_embedding& e, const picture& p) {
  if (v.is_of_one_size()) return e.positions;
  const Index across = p.side / v.patch_size;
  matrix sum(p.frames * across * across, e.rows.cols());
  Index patch = 0;
  for (Index f = 0; f < p.frames; ++f)
    for (Index r = 0; r < across; ++r)
      for (Index c = 0; c < across; ++c)
        sum.row(patch++) = e.frames.row(f) + e.rows.row(r) + e.columns.row(c);
  return sum;
}

}  // namespace

embedded_scene embed_scene(const model& m, const scenes& s, std::size_t i) {
  if (!m.config.vision) fail("a model without vision cannot look at pictures");
  const vision& v = *m.config.vision;
  const picture p = s.picture(i);
  check(v, p);
  const matrix cut = patches(v, p);
  const auto question = s.question(i);
  std::vector<int> tokens(std::size_t(v.first_patch + cut.rows()), v.image_token);
  tokens.front() = v.bos_token;
  tokens.push_back(v.image_end_token);
  tokens.insert(tokens.end(), question.begin(), question.end());
  tokens.push_back(v.answer_token);

  embedded_scene e{embed(m, tokens), std::vector<std::uint8_t>(tokens.size(), 0)};
  const patch_embedding& patch = m.ends->patch;
  e.hidden.middleRows(v.first_patch, cut.rows()) =
      (linear(cut, patch.weight) + places(v, patch, p)).rowwise() + patch.bias;
  std::fill_n(e.visual.begin() + v.first_patch, cut.rows(), std::uint8_t(1));
  return e;
}

row_vector last_logits(const model& m, const matrix& features) {
  return features.bottomRows(1) * m.ends->head().transpose();
}

std::vector<int> answer(const model& m, const scenes& s, const progress_function& on_progress) {
  std::vector<int> tokens(s.size());
  for_each_sequence(
      s.size(),
      [&](std::size_t i) {
        Index best = 0;
        last_logits(m, forward(m, embed_scene(m, s, i).hidden)).maxCoeff(&best);
        tokens[i] = int(best);
      },
      on_progress);
  return tokens;
}

accuracy grade(const scenes& s, std::span<const int> given) {
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
