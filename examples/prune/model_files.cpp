#include "model_files.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/detail/mapped_file.hpp>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/io/detail/shown.hpp>
#include <tamp/io/detail/strict_json.hpp>
#include <tamp/io/ggml_types.hpp>
#include <tamp/io/gguf_header.hpp>
#include <tamp/io/safetensors_listing.hpp>
#include <utility>

#include "gguf_parts.hpp"
#include "sentences.hpp"

namespace fs = std::filesystem;

namespace tamp_prune {
namespace {

using tamp::detail::shown;

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

// Reports and journals are JSON, which holds no other text.
bool is_utf_8(const std::string& text) {
  using handler = nlohmann::json::error_handler_t;
  const nlohmann::json json = text;
  return json.dump(-1, ' ', false, handler::replace) == json.dump(-1, ' ', false, handler::ignore);
}

void list_gguf(const tamp::detail::readable_file& source, model_files& model, std::size_t file) {
  std::vector<std::byte> bytes;
  const auto header = read_gguf_header(source, bytes);
  const auto first = static_cast<std::ptrdiff_t>(model.tensors.size());
  for (const auto& t : header.tensors()) {
    if (!is_utf_8(t.name))
      refuse(model.path_of(file), "has a tensor whose name is not valid UTF-8, number ",
             model.tensors.size() - static_cast<std::size_t>(first));
    const auto* const type = tamp::io::ggml::find_type(t.type);
    model.tensors.push_back({t.name, std::string(t.type_name),
                             type == nullptr ? number::other : kind_of(*type), t.shape, file,
                             header.data_offset() + t.offset, t.length, t.type});
  }
  std::sort(model.tensors.begin() + first, model.tensors.end(),
            [](const tensor& a, const tensor& b) { return a.offset < b.offset; });
}

// GGUF files begin so; safetensors files have a header in JSON behind its length of eight bytes.
bool is_gguf(const fs::path& path) {
  const tamp::detail::readable_file file(path);
  std::array<std::byte, 9> start{};
  if (file.size() == 0) refuse(path, "is empty");
  file.read(0, std::span(start).first(
                   static_cast<std::size_t>(std::min<std::uint64_t>(start.size(), file.size()))));
  if (std::memcmp(start.data(), "GGUF", 4) == 0) return true;
  if (file.size() < start.size())
    refuse(path, "is cut off: it has ", counted(file.size(), "byte"),
           ", and is neither a GGUF file, which begins with GGUF, nor a safetensors file, which "
           "begins with the eight bytes of its header's length");
  if (start[8] != std::byte{'{'})
    refuse(path,
           "is neither a GGUF file, which begins with GGUF, nor a safetensors file, whose "
           "ninth byte is {");
  return false;
}

void list_tensors(model_files& model, std::size_t file) {
  const tamp::detail::readable_file source(model.path_of(file));
  if (model.is_gguf) return list_gguf(source, model, file);
  const tamp::io::safetensors_listing listing(source);
  for (const auto& t : listing.tensors())
    model.tensors.push_back(
        {t.name, std::string(t.type_name), kind_of(t.type), t.shape, file, t.offset, t.length, 0});
}

// Names are those of one tensor in all files.
void list_all_tensors(model_files& model, const fs::path& path) {
  for (std::size_t k = 0; k < model.weights.size(); ++k) list_tensors(model, k);
  std::map<std::string_view, std::size_t> file_of;
  for (const tensor& t : model.tensors)
    if (const auto [found, is_new] = file_of.emplace(t.name, t.file); !is_new)
      refuse(path, "has the tensor '", shown(t.name), "' in ",
             shown(model.weights[found->second].string()), " and in ",
             shown(model.weights[t.file].string()));
}

// The files of a folder and of those below it. Links are followed, since caches consist of them.
// Hidden folders are left out: what .git and .cache say of the model is not true of a pruned one.
class folder_walk {
 public:
  explicit folder_walk(const fs::path& root) : root_(root) { enter(root); }
  std::set<fs::path> files;

 private:
  void enter(const fs::path& folder) {
    const fs::path real = fs::canonical(folder);
    if (std::find(above_.begin(), above_.end(), real) != above_.end())
      refuse(folder, "is a link to a folder that it lies in");
    above_.push_back(real);
    for (const auto& entry : fs::directory_iterator(folder)) add(entry.path());
    above_.pop_back();
  }
  void add(const fs::path& path) {
    std::error_code problem;
    const fs::file_type type = fs::status(path, problem).type();
    if (type == fs::file_type::directory) {
      if (!path.filename().string().starts_with('.')) enter(path);
    } else if (type == fs::file_type::not_found) {
      refuse(path, "is a link to nothing");
    } else if (type == fs::file_type::regular) {
      if (::access(path.c_str(), R_OK) != 0) refuse(path, "cannot be read: ", std::strerror(errno));
      files.insert(path.lexically_relative(root_));
    } else if (problem) {
      refuse(path, "cannot be read: ", problem.message());
    }
  }

  fs::path root_;
  std::vector<fs::path> above_;
};

// The shard of each tensor, as the index says.
std::map<std::string, std::string> read_index(const fs::path& path) {
  const tamp::detail::mapped_file file(path);
  constexpr int deepest = 8;
  const auto index = tamp::detail::parse_object(file.text(), deepest, path.string(), "the index");
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object()) refuse(path, "has no weight_map");
  std::map<std::string, std::string> shard_of;
  for (const auto& [name, shard] : map->items()) {
    if (!shard.is_string()) refuse(path, "gives tensor '", shown(name), "' no file");
    shard_of.emplace(name, shard.get<std::string>());
  }
  return shard_of;
}

// Checks that the index names each tensor of the shards, and no other, in its place.
void check_index(const fs::path& path, const std::map<std::string, std::string>& index,
                 const model_files& model) {
  std::map<std::string_view, const tensor*> tensors;
  for (const tensor& t : model.tensors) tensors.emplace(t.name, &t);
  for (const auto& [name, shard] : index) {
    const auto found = tensors.find(name);
    if (found == tensors.end())
      refuse(path, "says that tensor '", shown(name), "' is in ", shown(shard),
             ", and it is in no shard");
    const fs::path& place = model.weights[found->second->file];
    if (place != shard)
      refuse(path, "says that tensor '", shown(name), "' is in ", shown(shard), ", and it is in ",
             shown(place.string()));
  }
  for (const tensor& t : model.tensors)
    if (!index.contains(t.name))
      refuse(path, "does not name tensor '", shown(t.name), "' of ",
             shown(model.weights[t.file].string()));
}

// The shards that an index names.
std::vector<fs::path> shards_of(const fs::path& path,
                                const std::map<std::string, std::string>& index,
                                const std::set<fs::path>& files) {
  std::set<fs::path> shards;
  for (const auto& [name, shard] : index) {
    if (!files.contains(shard))
      refuse(path, "names the shard ", shown(shard), ", which is not there");
    shards.insert(shard);
  }
  return {shards.begin(), shards.end()};
}

model_files find_folder(const fs::path& path) {
  model_files model;
  model.is_folder = true;
  model.folder = path;
  const folder_walk walk(path);
  const bool has_index = walk.files.contains(index_name);
  const fs::path index_path = path / index_name;
  std::map<std::string, std::string> index;
  if (has_index) {
    index = read_index(index_path);
    model.weights = shards_of(index_path, index, walk.files);
  } else {
    std::copy_if(walk.files.begin(), walk.files.end(), std::back_inserter(model.weights),
                 [](const fs::path& file) {
                   return file.extension() == ".safetensors" && !file.has_parent_path();
                 });
  }
  if (model.weights.empty()) refuse(path, "has no safetensors file");
  std::set_difference(walk.files.begin(), walk.files.end(), model.weights.begin(),
                      model.weights.end(), std::back_inserter(model.others));
  list_all_tensors(model, path);
  if (has_index) check_index(index_path, index, model);
  return model;
}

}  // namespace

tamp::io::gguf_header read_gguf_header(const tamp::detail::readable_file& file,
                                       std::vector<std::byte>& bytes) {
  // Magic, version, and the numbers of tensors and of metadata.
  constexpr std::uint64_t least = 24, most = std::uint64_t{1} << 30;
  if (file.size() < least)
    refuse(file.name(), "is cut off: it has ", counted(file.size(), "byte"),
           ", and already the beginning of a GGUF file, up to the numbers of its tensors and "
           "metadata, has ",
           least);
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

bool tensor::has_zero() const {
  if (kind != number::block) return kind != number::other;
  const auto* const type = tamp::io::ggml::find_type(ggml_type);
  return type != nullptr && type->zero_row != nullptr;
}
bool tensor::can_be_written() const {
  if (kind != number::block) return kind != number::other;
  const auto* const type = tamp::io::ggml::find_type(ggml_type);
  return type != nullptr && type->encode_row != nullptr;
}
std::size_t tensor::size() const { return tamp::io::detail::product(shape); }

std::vector<fs::path> model_files::sources() const {
  if (is_folder) return {folder};
  std::vector<fs::path> files;
  for (std::size_t k = 0; k < weights.size(); ++k) files.push_back(path_of(k));
  return files;
}
std::vector<std::uint64_t> model_files::sizes() const {
  std::vector<std::uint64_t> sizes;
  in_sentences([&] {
    for (std::size_t k = 0; k < weights.size(); ++k) sizes.push_back(fs::file_size(path_of(k)));
  });
  return sizes;
}
std::uint64_t model_files::bytes() const {
  const auto all = sizes();
  return std::accumulate(all.begin(), all.end(), std::uint64_t{0});
}

model_files find_model(const fs::path& path) {
  return in_sentences([&] {
    const fs::file_type type = fs::status(path).type();
    if (type == fs::file_type::not_found) refuse(path, "does not exist");
    if (type == fs::file_type::directory) return find_folder(path);
    model_files model;
    model.folder = path.parent_path();
    model.is_gguf = is_gguf(path);
    model.weights = model.is_gguf ? gguf_parts(path) : std::vector{path.filename()};
    list_all_tensors(model, path);
    return model;
  });
}

}  // namespace tamp_prune
