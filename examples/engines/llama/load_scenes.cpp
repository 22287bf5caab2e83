#include "load_scenes.hpp"

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <tamp/io/safetensors.hpp>
#include <vector>

#include "json_metadata.hpp"

namespace llama {

namespace {

/// The tensors and the metadata of a file of scenes; what is missing or of another shape is an error.
class scenes_file {
 public:
  explicit scenes_file(const std::string& path) : path_(path), file_(path) {}

  const std::string& path() const { return path_; }
  bool contains(const char* name) const { return file_.contains(name); }
  std::vector<std::size_t> shape(const char* name, std::size_t dimensions) const {
    if (!file_.contains(name)) fail(path_, " has no tensor '", name, "'");
    const auto& found = file_.at(name).shape;
    if (found.size() != dimensions)
      fail(path_, ": tensor '", name, "' has ", found.size(), " dimensions, expected ", dimensions);
    return {found.begin(), found.end()};
  }
  /// The first extent of a tensor, which must be `rows`, those of another one.
  void expect_rows(const char* name, std::size_t rows, const char* other) const {
    if (const std::size_t count = shape(name, 1)[0]; count != rows)
      fail(path_, ": ", rows, " rows of '", other, "', but ", count, " of '", name, "'");
  }
  std::vector<int> integers(const char* name) const {
    const auto values = file_.values<std::int32_t>(name);
    return {values.begin(), values.end()};
  }
  std::vector<std::uint8_t> pixels(const char* name) const {
    const auto values = file_.values<std::uint8_t>(name);
    return {values.begin(), values.end()};
  }
  std::vector<std::string> words(const char* key) const {
    const auto json = json_metadata(file_, path_, key);
    std::vector<std::string> list;
    for (const auto& word : json) {
      if (!word.is_string()) fail(path_, ": the metadata '", key, "' are not a list of words");
      list.push_back(word.get<std::string>());
    }
    return list;
  }

 private:
  std::string path_;
  tamp::io::safetensors_file file_;
};

std::size_t pixels_of(const scenes& s, std::size_t picture) {
  return std::size_t(s.frames[picture] * s.sides[picture] * s.sides[picture]);
}

/// "images", (scenes, side, side): a picture for each question, all of one size.
void read_images(const scenes_file& file, std::size_t questions, scenes& s) {
  const auto images = file.shape("images", 3);
  if (images[1] != images[2])
    fail(file.path(), ": pictures of ", images[1], " by ", images[2], " pixels are not square");
  if (images[0] != questions)
    fail(file.path(), ": ", images[0], " pictures, but ", questions, " rows of 'question_ids'");
  s.pixels = file.pixels("images");
  s.sides.assign(images[0], Index(images[1]));
  s.frames.assign(images[0], 1);
  s.pictures.resize(images[0]);
  std::iota(s.pictures.begin(), s.pictures.end(), std::size_t{0});
}

/// "pixels" of pictures one after another, "frames" and "sides" of each, and of each question the
/// "picture" that it is about.
void read_pictures(const scenes_file& file, std::size_t questions, scenes& s) {
  constexpr int most = 4096;  // so that no product wraps
  const std::size_t bytes = file.shape("pixels", 1)[0], pictures = file.shape("sides", 1)[0];
  file.expect_rows("frames", pictures, "sides");
  file.expect_rows("picture", questions, "question_ids");
  s.pixels = file.pixels("pixels");
  const auto sides = file.integers("sides"), frames = file.integers("frames");
  for (std::size_t p = 0; p < pictures; ++p)
    if (sides[p] <= 0 || sides[p] > most || frames[p] <= 0 || frames[p] > most)
      fail(file.path(), ": picture ", p, " has ", frames[p], " frames of ", sides[p],
           " pixels a side, out of 1 to ", most);
  s.sides.assign(sides.begin(), sides.end());
  s.frames.assign(frames.begin(), frames.end());
  for (const int p : file.integers("picture")) {
    if (p < 0 || std::size_t(p) >= pictures)
      fail(file.path(), ": question ", s.pictures.size(), " is about picture ", p, ", there are ",
           pictures);
    s.pictures.push_back(std::size_t(p));
  }
  std::size_t used = 0;
  for (std::size_t p = 0; p < pictures; ++p) used += pixels_of(s, p);
  if (used != bytes)
    fail(file.path(), ": the pictures have ", used, " pixels, 'pixels' has ", bytes);
}

}  // namespace

scenes load_scenes(const std::string& path) {
  const scenes_file file(path);
  scenes s;
  const auto questions = file.shape("question_ids", 2);
  s.question_width = Index(questions[1]);
  for (const char* name : {"question_length", "answers", "kind"})
    file.expect_rows(name, questions[0], "question_ids");
  (file.contains("images") ? read_images : read_pictures)(file, questions[0], s);
  std::size_t start = 0;
  for (std::size_t p = 0; p < s.sides.size(); ++p) {
    s.starts.push_back(start);
    start += pixels_of(s, p);
  }
  s.questions = file.integers("question_ids");
  s.question_lengths = file.integers("question_length");
  s.answers = file.integers("answers");
  s.kinds = file.integers("kind");
  s.kind_names = file.words("kinds");
  s.vocabulary = file.words("vocab");
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
