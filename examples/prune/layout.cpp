#include "layout.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <span>
#include <tamp/error.hpp>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/io/ggml_types.hpp>
#include <tamp/io/gguf_header.hpp>
#include <utility>

#include "sentences.hpp"

namespace tamp_prune {
namespace {

// The layers of each file, in the order of their bytes.
std::vector<std::vector<const layer*>> layers_by_file(const model_files& model,
                                                      const layer_list& layers) {
  std::vector<std::vector<const layer*>> of_file(model.weights.size());
  for (const block& b : layers.blocks)
    for (const layer& l : b.layers) of_file[model.tensors[l.tensor].file].push_back(&l);
  for (auto& some : of_file)
    std::sort(some.begin(), some.end(),
              [](const layer* a, const layer* b) { return a->offset < b->offset; });
  return of_file;
}

template <class Number>
void append(std::vector<std::byte>& bytes, Number number) {
  const std::size_t begin = bytes.size();
  bytes.resize(begin + sizeof number);
  std::memcpy(bytes.data() + begin, &number, sizeof number);
}
void append(std::vector<std::byte>& bytes, const std::string& text) {
  append(bytes, std::uint64_t{text.size()});
  const auto* const begin = reinterpret_cast<const std::byte*>(text.data());
  bytes.insert(bytes.end(), begin, begin + text.size());
}

std::uint64_t aligned(std::uint64_t offset, std::uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

// A tensor in the new file: its type, and where its bytes lie from the start of the data.
struct new_place {
  std::uint32_t type = 0;
  std::uint64_t offset = 0, length = 0;
};

// The descriptions of the tensors in the header. The metadata before them are the source's.
void append_descriptions(std::vector<std::byte>& header, const tamp::io::gguf_header& source,
                         const std::vector<new_place>& places) {
  for (std::size_t k = 0; k < places.size(); ++k) {
    const auto& t = source.tensors()[k];
    append(header, t.name);
    append(header, static_cast<std::uint32_t>(t.shape.size()));
    for (auto extent = t.shape.rbegin(); extent != t.shape.rend(); ++extent)
      append(header, std::uint64_t{*extent});
    append(header, places[k].type);
    append(header, places[k].offset);
  }
}

// Some tensors of the model, which lie in one file, with the layers of each.
struct tensors_of_file {
  std::span<const tensor> tensors;
  std::span<const std::vector<layer*>> layers;  // of each tensor
  bool changes_weights;

  bool changes(std::size_t k) const {
    const tensor& t = tensors[k];
    return !layers[k].empty() && (!t.has_zero() || (changes_weights && !t.can_be_written()));
  }
  bool change() const {
    for (std::size_t k = 0; k < tensors.size(); ++k)
      if (changes(k)) return true;
    return false;
  }
};

// One file whose layers become `wanted` where their type cannot stay.
file_layout retyped_file(const std::filesystem::path& path, const tensors_of_file& of_file,
                         const tamp::io::ggml::type_info& wanted) {
  const tamp::detail::readable_file file(path);
  std::vector<std::byte> bytes;
  const auto source = read_gguf_header(file, bytes);

  // The tensors keep their order in the data, which is that of model.tensors.
  std::vector<new_place> places(of_file.tensors.size());  // in the order of the header
  const auto place_of = [&](const tensor& t) -> new_place& {
    return places[*source.find_tensor(t.name)];
  };
  std::uint64_t end = 0;
  for (std::size_t k = 0; k < of_file.tensors.size(); ++k) {
    const tensor& t = of_file.tensors[k];
    const bool changes = of_file.changes(k);
    if (changes && t.shape.back() % wanted.values != 0)
      throw tamp::value_error(tamp::detail::sentence(
          t.name, " has rows of ", t.shape.back(), " weights, which is no multiple of the ",
          wanted.values, " in a block of ", wanted.name, ": use --retype f16"));
    new_place& place = place_of(t);
    place.type = changes ? wanted.id : t.ggml_type;
    place.offset = aligned(end, source.alignment());
    place.length = changes ? t.size() / wanted.values * wanted.bytes : t.length;
    end = place.offset + place.length;
  }

  file_layout out;
  out.header.assign(bytes.begin(),
                    bytes.begin() + static_cast<std::ptrdiff_t>(source.descriptions_offset()));
  append_descriptions(out.header, source, places);
  out.header.resize(static_cast<std::size_t>(aligned(out.header.size(), source.alignment())));
  const std::uint64_t data = out.header.size();
  out.size = data + end;
  for (std::size_t k = 0; k < of_file.tensors.size(); ++k) {
    const tensor& t = of_file.tensors[k];
    const new_place& place = place_of(t);
    if (of_file.layers[k].empty() && t.length != 0)
      out.copied.push_back({t.offset, data + place.offset, t.length});
    for (layer* l : of_file.layers[k]) {
      const std::uint64_t slices = t.length / l->length, slice = (l->offset - t.offset) / l->length;
      l->new_type = place.type;
      l->new_length = place.length / slices;
      l->new_offset = data + place.offset + slice * l->new_length;
    }
  }
  return out;
}

}  // namespace

layout same_layout(const model_files& model, const layer_list& layers) {
  layout files(model.weights.size());
  const auto of_file = layers_by_file(model, layers);
  for (std::size_t k = 0; k < files.size(); ++k) {
    files[k].size = tamp::detail::readable_file(model.path_of(k)).size();
    std::uint64_t at = 0;
    const auto copy_up_to = [&](std::uint64_t end) {
      if (at < end) files[k].copied.push_back({at, at, end - at});
    };
    for (const layer* l : of_file[k]) {
      copy_up_to(l->offset);
      at = l->offset + l->length;
    }
    copy_up_to(files[k].size);
  }
  return files;
}

layout retyped_layout(const model_files& model, layer_list& layers, const std::string& type,
                      bool changes_weights) {
  const auto& wanted = *tamp::io::ggml::find_type(type);
  std::vector<std::vector<layer*>> layers_of(model.tensors.size());
  for (block& b : layers.blocks)
    for (layer& l : b.layers) layers_of[l.tensor].push_back(&l);

  layout files = same_layout(model, layers);
  for (std::size_t file = 0, begin = 0, end = 0; file < files.size(); ++file, begin = end) {
    while (end < model.tensors.size() && model.tensors[end].file == file) ++end;
    const tensors_of_file of_file{std::span(model.tensors).subspan(begin, end - begin),
                                  std::span(layers_of).subspan(begin, end - begin),
                                  changes_weights};
    if (of_file.change()) files[file] = retyped_file(model.path_of(file), of_file, wanted);
  }
  return files;
}

void check_retype(const settings& s, const model_files& model) {
  const bool has_blocks = std::any_of(model.tensors.begin(), model.tensors.end(),
                                      [](const tensor& t) { return t.kind == number::block; });
  if (!s.retype.empty() && !has_blocks)
    refuse(s.model, "has no quantised tensor that --retype could store otherwise");
}

}  // namespace tamp_prune
