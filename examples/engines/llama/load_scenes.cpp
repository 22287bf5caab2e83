#include "load_scenes.hpp"

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <tamp/io/safetensors.hpp>
#include <vector>

#include "json_metadata.hpp"

namespace llama {

scenes load_scenes(const std::string& path) {
  const tamp::io::safetensors_file file(path);
  const auto shape = [&](const char* name, std::size_t dimensions) {
    if (!file.contains(name)) fail(path, " has no tensor '", name, "'");
    const auto& found = file.at(name).shape;
    if (found.size() != dimensions)
      fail(path, ": tensor '", name, "' has ", found.size(), " dimensions, expected ", dimensions);
    return std::vector<std::size_t>(found.begin(), found.end());
  };
  const auto integers = [&](const char* name) {
    const auto values = file.values<std::int32_t>(name);
    return std::vector<int>(values.begin(), values.end());
  };
  const auto words = [&](const char* key) {
    const auto json = json_metadata(file, path, key);
    std::vector<std::string> list;
    for (const auto& word : json) {
      if (!word.is_string()) fail(path, ": the metadata '", key, "' are not a list of words");
      list.push_back(word.get<std::string>());
    }
    return list;
  };

  scenes s;
  const auto questions = shape("question_ids", 2);
  s.question_width = Index(questions[1]);
  for (const char* name : {"question_length", "answers", "kind"})
    if (const std::size_t count = shape(name, 1)[0]; count != questions[0])
      fail(path, ": ", questions[0], " rows of 'question_ids', but ", count, " of '", name, "'");
  const auto take_pixels = [&](const char* name) {
    const auto pixels = file.values<std::uint8_t>(name);
    s.pixels.assign(pixels.begin(), pixels.end());
  };
  if (file.contains("images")) {  // as many as questions, all of one size
    const auto images = shape("images", 3);
    if (images[1] != images[2])
      fail(path, ": pictures of ", images[1], " by ", images[2], " pixels are not square");
    if (images[0] != questions[0])
      fail(path, ": ", images[0], " pictures, but ", questions[0], " rows of 'question_ids'");
    take_pixels("images");
    s.sides.assign(images[0], Index(images[1]));
    s.frames.assign(images[0], 1);
    s.pictures.resize(images[0]);
    std::iota(s.pictures.begin(), s.pictures.end(), std::size_t{0});
  } else {
    const std::size_t bytes = shape("pixels", 1)[0], pictures = shape("sides", 1)[0];
    if (const std::size_t count = shape("frames", 1)[0]; count != pictures)
      fail(path, ": ", pictures, " rows of 'sides', but ", count, " of 'frames'");
    if (const std::size_t count = shape("picture", 1)[0]; count != questions[0])
      fail(path, ": ", questions[0], " rows of 'question_ids', but ", count, " of 'picture'");
    take_pixels("pixels");
    const auto sides = integers("sides"), frames = integers("frames");
    for (std::size_t p = 0; p < pictures; ++p)
      if (sides[p] <= 0 || sides[p] > 4096 || frames[p] <= 0 || frames[p] > 4096)
        fail(path, ": picture ", p, " has ", frames[p], " frames of ", sides[p],
             " pixels a side, out of 1 to 4096");
    s.sides.assign(sides.begin(), sides.end());
    s.frames.assign(frames.begin(), frames.end());
    for (const int p : integers("picture")) {
      if (p < 0 || std::size_t(p) >= pictures)
        fail(path, ": question ", s.pictures.size(), " is about picture ", p, ", there are ",
             pictures);
      s.pictures.push_back(std::size_t(p));
    }
    std::size_t used = 0;
    for (std::size_t p = 0; p < pictures; ++p)
      used += std::size_t(s.frames[p] * s.sides[p] * s.sides[p]);
    if (used != bytes) fail(path, ": the pictures have ", used, " pixels, 'pixels' has ", bytes);
  }
  std::size_t start = 0;
  for (std::size_t p = 0; p < s.sides.size(); ++p) {
    s.starts.push_back(start);
    start += std::size_t(s.frames[p] * s.sides[p] * s.sides[p]);
  }
  s.questions = integers("question_ids");
  s.question_lengths = integers("question_length");
  s.answers = integers("answers");
  s.kinds = integers("kind");
  s.kind_names = words("kinds");
  s.vocabulary = words("vocab");
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s.question_lengths[i] < 0 || s.question_lengths[i] > int(s.question_width))
      fail(path, ": question ", i, " has ", s.question_lengths[i], " tokens out of ",
           s.question_width);
    if (s.kinds[i] < 0 || std::size_t(s.kinds[i]) >= s.kind_names.size())
      fail(path, ": scene ", i, " is of kind ", s.kinds[i], ", there are ", s.kind_names.size());
  }
  return s;
}

}  // namespace llama
