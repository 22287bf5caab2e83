#include "json_metadata.hpp"

#include "config.hpp"

namespace llama {

nlohmann::json json_metadata(const tamp::io::safetensors_file& file, const std::string& path,
                             const std::string& key) {
  const auto metadata = file.metadata();
  const auto found = metadata.find(key);
  if (found == metadata.end()) fail(path, " has no '", key, "' in its metadata");
  auto json = nlohmann::json::parse(found->second, nullptr, false);
  if (json.is_discarded()) fail(path, ": the metadata '", key, "' are not JSON");
  return json;
}

}  // namespace llama
