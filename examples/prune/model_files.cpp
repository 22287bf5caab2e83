#include "model_files.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tamp/error.hpp>
#include <tamp/io/detail/mapped_file.hpp>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/io/detail/strict_json.hpp>
#include <tamp/io/ggml_types.hpp>
#include <tamp/io/gguf_header.hpp>
#include <tamp/io/safetensors_listing.hpp>
#include <utility>

namespace fs = std::filesystem;

namespace tamp_prune {
namespace {

template <class... Parts>
[[noreturn]] void refuse(const fs::path& path, const Parts&... parts) {
  throw tamp::file_error(tamp::detail::sentence(path.string(), ": ", parts...));
}

number kind_of(tamp::io::dtype type) {
  using tamp::io::dtype;
  switch (type) {
    case dtype::f64:
      return number::f64;
    case dtype::f32:
      return number::f32;
    case dtype::f16:
      return number::f16;
    case dtype::bf16:
      return number::bf16;
    default:
      return number::other;
  }
}

number kind_of(const tamp::io::ggml::type_info& type) {
  if (type.decode_row == nullptr) return number::other;
  if (type.name == "F64") return number::f64;
  if (type.name == "F32") return number::f32;
  if (type.name == "F16") return number::f16;
  if (type.name == "BF16") return number::bf16;
  return number::block;
}

// The header of a GGUF file, of which nobody knows beforehand how long it is. `bytes` will hold it.
tamp::io::gguf_header read_header(const tamp::detail::readable_file& file,
                                  std::vector<std::byte>& bytes) {
  constexpr std::uint64_t most = std::uint64_t{1} << 30;
  for (std::uint64_t size = std::uint64_t{1} << 22;; size *= 8) {
    bytes.resize(static_cast<std::size_t>(std::min(size, file.size())));
    file.read(0, bytes);
    try {
      return {bytes, file.size(), file.name()};
    } catch (const tamp::file_error&) {
      if (bytes.size() == file.size() || size >= most) throw;
    }
  }
}

void list_gguf(const tamp::detail::readable_file& source, model_files& model, std::size_t file) {
  std::vector<std::byte> bytes;
  const auto header = read_header(source, bytes);
  for (const auto& t : header.tensors()) {
    const auto* const type = tamp::io::ggml::find_type(t.type);
    model.tensors.push_back({t.name, std::string(t.type_name),
                             type == nullptr ? number::other : kind_of(*type), t.shape, file,
                             header.data_offset() + t.offset, t.length, t.type});
  }
  std::sort(model.tensors.begin(), model.tensors.end(),
            [](const tensor& a, const tensor& b) { return a.offset < b.offset; });
}

bool is_gguf(const tamp::detail::readable_file& file) {
  std::array<std::byte, 4> magic{};
  if (file.size() < magic.size()) return false;
  file.read(0, magic);
  return std::memcmp(magic.data(), "GGUF", magic.size()) == 0;
}

void list_tensors(model_files& model, std::size_t file) {
  const tamp::detail::readable_file source(model.path_of(file));
  if (!model.is_folder && is_gguf(source)) return list_gguf(source, model, file);
  const tamp::io::safetensors_listing listing(source);
  for (const auto& t : listing.tensors())
    model.tensors.push_back(
        {t.name, std::string(t.type_name), kind_of(t.type), t.shape, file, t.offset, t.length, 0});
}

// The files of a folder and of those below it, in order. Links are followed, since caches consist of
// them.
std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry :
       fs::recursive_directory_iterator(folder, fs::directory_options::follow_directory_symlink))
    if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), folder));
  std::sort(files.begin(), files.end());
  return files;
}

constexpr std::string_view index_name = "model.safetensors.index.json";

// Checks that the index names each tensor of the shards, and no other, in its place.
void check_index(const model_files& model) {
  const fs::path path = model.folder / index_name;
  const tamp::detail::mapped_file file(path);
  constexpr int deepest = 8;
  const auto index = tamp::detail::parse_object(file.text(), deepest, path.string(), "the index");
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object()) refuse(path, "has no weight_map");
  std::map<std::string, std::string> shard_of;
  for (const tensor& t : model.tensors) shard_of[t.name] = model.weights[t.file].string();
  for (const auto& [name, shard] : map->items()) {
    const auto found = shard_of.find(name);
    if (!shard.is_string() || found == shard_of.end() || found->second != shard)
      refuse(path, "says that tensor '", name, "' is in ", shard.dump(), ", and it is in ",
             found == shard_of.end() ? "no shard" : found->second);
  }
  if (map->size() != shard_of.size())
    for (const auto& [name, shard] : shard_of)
      if (!map->contains(name)) refuse(path, "does not name tensor '", name, "' of ", shard);
}

// The shards that the index names, or all safetensors files of the folder itself.
std::vector<fs::path> weights_of(const fs::path& folder, const std::vector<fs::path>& files) {
  std::vector<fs::path> weights;
  const bool has_index = std::find(files.begin(), files.end(), index_name) != files.end();
  if (!has_index) {
    std::copy_if(files.begin(), files.end(), std::back_inserter(weights), [](const fs::path& file) {
      return file.extension() == ".safetensors" && !file.has_parent_path();
    });
    return weights;
  }
  const fs::path path = folder / index_name;
  const tamp::detail::mapped_file file(path);
  constexpr int deepest = 8;
  const auto index = tamp::detail::parse_object(file.text(), deepest, path.string(), "the index");
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object()) refuse(path, "has no weight_map");
  std::set<std::string> shards;
  for (const auto& [name, shard] : map->items()) {
    if (!shard.is_string()) refuse(path, "gives tensor '", name, "' no file");
    shards.insert(shard.get<std::string>());
  }
  for (const std::string& shard : shards) {
    if (std::find(files.begin(), files.end(), shard) == files.end())
      refuse(path, "names the shard ", shard, ", which is not there");
    weights.emplace_back(shard);
  }
  return weights;
}

}  // namespace

bool tensor::has_zero() const {
  if (kind != number::block) return kind != number::other;
  const auto* const type = tamp::io::ggml::find_type(ggml_type);
  return type != nullptr && type->zero_row != nullptr;
}
std::size_t tensor::size() const { return tamp::io::detail::product(shape); }

std::uint64_t model_files::bytes() const {
  std::uint64_t sum = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) sum += fs::file_size(path_of(k));
  return sum;
}

model_files find_model(const fs::path& path) {
  model_files model;
  std::error_code problem;
  model.is_folder = fs::is_directory(path, problem);
  if (!model.is_folder) {
    if (!fs::exists(path, problem)) refuse(path, "does not exist");
    model.folder = path.parent_path();
    model.weights = {path.filename()};
    list_tensors(model, 0);
    return model;
  }
  model.folder = path;
  const auto files = files_below(path);
  model.weights = weights_of(path, files);
  if (model.weights.empty()) refuse(path, "has no safetensors file");
  std::set_difference(files.begin(), files.end(), model.weights.begin(), model.weights.end(),
                      std::back_inserter(model.others));
  std::set<std::string> names;
  for (std::size_t k = 0; k < model.weights.size(); ++k) list_tensors(model, k);
  for (const tensor& t : model.tensors)
    if (!names.insert(t.name).second) refuse(path, "has the tensor '", t.name, "' in two files");
  if (std::find(files.begin(), files.end(), index_name) != files.end()) check_index(model);
  return model;
}

}  // namespace tamp_prune
