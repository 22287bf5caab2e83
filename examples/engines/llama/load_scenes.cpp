#include "load_scenes.hpp"

#include <cstddef>
#include <cstdint>
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

  const auto images = shape("images", 3), questions = shape("question_ids", 2);
  if (images[1] != images[2])
    fail(path, ": pictures of ", images[1], " by ", images[2], " pixels are not square");
  scenes s;
  s.image_size = Index(images[1]);
  s.question_width = Index(questions[1]);
  for (const char* name : {"question_ids", "question_length", "answers", "kind"}) {
    const std::size_t count = shape(name, name == std::string("question_ids") ? 2 : 1)[0];
    if (count != images[0])
      fail(path, ": ", images[0], " pictures, but ", count, " rows of '", name, "'");
  }
  const auto pixels = file.values<std::uint8_t>("images");
  s.images.assign(pixels.begin(), pixels.end());
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
