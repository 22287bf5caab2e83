#include "json_metadata.hpp"

#include <tamp/io/detail/mapped_file.hpp>
#include <vector>

#include "shallow_json.hpp"

namespace llama {

nlohmann::json json_metadata(const tamp::io::safetensors_file& file, const std::string& path,
                             const std::string& key) {
  const auto metadata = file.metadata();
  const auto found = metadata.find(key);
  if (found == metadata.end()) fail(path, " has no '", key, "' in its metadata");
  auto document = shallow_json(found->second);
  if (document.is_discarded())
    fail(path, ": the metadata '", key, "' are not JSON, or nested more than ", deepest_json,
         " deep");
  return document;
}

nlohmann::json json_file(const std::string& path) {
  const tamp::detail::mapped_file file(path);
  auto document = shallow_json(file.text());
  if (!document.is_object())
    fail(path, " is no JSON object, or nested more than ", deepest_json, " deep");
  return document;
}

matrix read_matrix(const tamp::io::safetensors_file& file, const std::string& path,
                   const std::string& name, Index rows, Index cols) {
  if (!file.contains(name)) fail(path, " has no tensor '", name, "'");
  const auto& shape = file.at(name).shape;
  const bool is_matrix = shape.size() == 2 && Index(shape[0]) == rows && Index(shape[1]) == cols;
  const bool is_vector = shape.size() == 1 && rows == 1 && Index(shape[0]) == cols;
  if (!is_matrix && !is_vector) {
    std::string found;
    for (const auto extent : shape) found += (found.empty() ? "" : ", ") + std::to_string(extent);
    fail(path, ": tensor '", name, "' is (", found, "), the configuration asks for (", rows, ", ",
         cols, ")");
  }
  const std::vector<float> values = file.read_floats(name);
  return Eigen::Map<const matrix>(values.data(), rows, cols);
}

}  // namespace llama
