#include "packed_files.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <llama/shallow_json.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <system_error>
#include <tamp/detail/drop_count.hpp>
#include <tamp/element.hpp>
#include <tamp/io/detail/mapped_file.hpp>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/io/detail/replaced_file.hpp>
#include <tamp/io/detail/shown.hpp>
#include <tamp/io/dtype.hpp>
#include <tamp/io/safetensors_listing.hpp>
#include <tamp/io/safetensors_writer.hpp>
#include <tamp/io/sparse_file.hpp>
#include <tamp/mask/bitmask.hpp>
#include <tamp/sparse/matrix.hpp>
#include <tamp/sparse/pack.hpp>
#include <tamp/tensor/view.hpp>
#include <utility>

#include "progress.hpp"
#include "sentences.hpp"

namespace fs = std::filesystem;

namespace tamp_prune {
namespace {

using json = nlohmann::ordered_json;
using tamp::detail::shown;

constexpr std::string_view config_name = "config.json", ending = ".weight";

// Why a tensor with layers cannot be packed; empty if it can.
std::string why_dense(const tensor& t) {
  if (t.shape.size() != 2) return "has three dimensions";
  if (t.kind != number::f32 && t.kind != number::f16 && t.kind != number::bf16)
    return "holds " + t.type;
  if (!t.name.ends_with(ending) || t.name.size() == ending.size())
    return "its name does not end in .weight";
  return {};
}

// True for the tensors of the model that are packed.
std::vector<bool> packed_tensors(const model_files& model, const layer_list& layers) {
  std::vector<bool> is_packed(model.tensors.size());
  layers.visit(
      [&](const layer& l) { is_packed[l.tensor] = why_dense(model.tensors[l.tensor]).empty(); });
  return is_packed;
}

// P of P.weight
std::string sparse_name(const tensor& t) { return t.name.substr(0, t.name.size() - ending.size()); }
// Calls use(Number(), Bits()) with the types of a tensor that is packed.
template <class Use>
auto with_number(const tensor& t, const Use& use) {
  if (t.kind == number::f32) return use(float(), std::uint32_t());
  if (t.kind == number::f16) return use(tamp::f16(), std::uint16_t());
  return use(tamp::bf16(), std::uint16_t());
}

// The tensors of the packed file in the place of one.
std::vector<tamp::io::declaration> parts_of(const tensor& t, std::size_t kept) {
  return with_number(t, [&]<class Number, class Bits>(Number, Bits) {
    return tamp::io::declare_sparse<Number>(sparse_name(t), t.shape[0], t.shape[1], kept);
  });
}

// The number of kept weights of each tensor, where the report states it: it counts each zero that
// was no weight to drop as one of them, and -0 is stored.
using kept_counts = std::vector<std::optional<std::size_t>>;
kept_counts kept_of_tensors(const model_files& model, const layer_list& layers,
                            const tamp::prune_report& report) {
  kept_counts kept(model.tensors.size());
  auto done = report.layers.begin();
  layers.visit([&](const layer& l) {
    if (done->is_pruned() && done->kept_zeros == 0) kept[l.tensor] = done->kept;
    ++done;
  });
  return kept;
}

// Weights of which any bit is set are kept, so that all come back to the bit, -0 as well.
template <class Bits>
Bits bits_at(std::span<const std::byte> bytes, std::size_t k) {
  Bits bits{};
  std::memcpy(&bits, bytes.data() + k * sizeof bits, sizeof bits);
  return bits;
}

template <class Bits>
std::size_t count_set(std::span<const std::byte> bytes) {
  std::size_t kept = 0;
  for (std::size_t k = 0; k < bytes.size() / sizeof(Bits); ++k)
    kept += bits_at<Bits>(bytes, k) != 0;
  return kept;
}

template <class Number, class Bits>
tamp::sparse::matrix<Number> packed(const tensor& t, std::span<const std::byte> bytes) {
  const std::size_t rows = t.shape[0], cols = t.shape[1];
  tamp::mask::bitmask keep(rows, cols, false);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j)
      if (bits_at<Bits>(bytes, i * cols + j) != 0)
        keep.row(i)[j / tamp::mask::word_bits] |= tamp::mask::word{1} << j % tamp::mask::word_bits;
  const auto* const numbers = reinterpret_cast<const Number*>(bytes.data());
  const tamp::matrix_view<const Number> weight(numbers, rows, cols,
                                               static_cast<std::ptrdiff_t>(cols), 1);
  return tamp::sparse::pack(weight, keep);
}

// One file of weights, and where it goes.
class file_packer {
 public:
  file_packer(const model_files& model, const std::vector<bool>& is_packed, const kept_counts& kept,
              std::size_t file, const packed_places& places)
      : model_(model),
        is_packed_(is_packed),
        kept_(kept),
        from_(places.from / model.weights[file]),
        to_(places.to / model.weights[file]) {
    for (std::size_t k = 0; k < model.tensors.size(); ++k)
      if (model.tensors[k].file == file) tensors_.push_back(k);
  }

  bool write(progress& shown_progress, const surroundings& around) {
    const auto declared = declare(around);
    if (declared.empty() && !tensors_.empty()) return false;
    tamp::io::safetensors_writer out(to_, declared,
                                     tamp::io::safetensors_listing(from_).metadata());
    for (const std::size_t k : tensors_) {
      const tensor& t = model_.tensors[k];
      if (is_packed_[k]) {
        if (around.is_stopped()) return false;
        const auto bytes = read(t);
        with_number(t, [&]<class Number, class Bits>(Number, Bits) {
          tamp::io::write_sparse(out, sparse_name(t), packed<Number, Bits>(t, bytes));
        });
        shown_progress.add(t.length, t.name);
      } else if (!copy(t, out, shown_progress, around)) {
        return false;
      }
    }
    out.commit();
    return true;
  }

 private:
  // Reads the layers of which nobody knows what is kept. Empty if the user stopped it.
  std::vector<tamp::io::declaration> declare(const surroundings& around) {
    std::vector<tamp::io::declaration> declared;
    for (const std::size_t k : tensors_) {
      const tensor& t = model_.tensors[k];
      if (!is_packed_[k]) {
        declared.push_back({t.name, tamp::io::detail::entry(t.type).type, t.shape});
        continue;
      }
      if (!kept_[k] && around.is_stopped()) return {};
      for (auto& part : parts_of(t, kept_[k] ? *kept_[k] : count_kept(t)))
        declared.push_back(std::move(part));
    }
    return declared;
  }
  std::size_t count_kept(const tensor& t) {
    return with_number(
        t, [&]<class Number, class Bits>(Number, Bits) { return count_set<Bits>(read(t)); });
  }
  std::span<const std::byte> read(const tensor& t) {
    bytes_.resize(t.length);
    from_.read(t.offset, bytes_);
    return bytes_;
  }
  // Copies a tensor piece by piece.
  bool copy(const tensor& t, tamp::io::safetensors_writer& out, progress& shown_progress,
            const surroundings& around) {
    constexpr std::uint64_t most = std::uint64_t{1} << 22;
    for (std::uint64_t done = 0; done < t.length; done += bytes_.size()) {
      if (around.is_stopped()) return false;
      bytes_.resize(std::min(most, t.length - done));
      from_.read(t.offset + done, bytes_);
      out.write_bytes(t.name, bytes_);
      shown_progress.add(bytes_.size(), t.name);
    }
    return true;
  }

  const model_files& model_;
  const std::vector<bool>& is_packed_;
  const kept_counts& kept_;
  std::vector<std::size_t> tensors_;
  tamp::detail::readable_file from_;
  fs::path to_;
  std::vector<std::byte> bytes_;
};

json read_json(const fs::path& path) {
  const tamp::detail::mapped_file file(path);
  return llama::shallow_json<json>(file.text());
}
void write_json(const fs::path& path, const json& content) {
  tamp::detail::replaced_file file(path);
  file.open(content.dump(2) + '\n');
  file.commit();
}

// The index with the names of the packed tensors in the place of the others.
json packed_index(const model_files& model, const std::vector<bool>& is_packed,
                  const packed_places& places) {
  std::map<std::string_view, const tensor*> packed;
  for (std::size_t k = 0; k < model.tensors.size(); ++k)
    if (is_packed[k]) packed.emplace(model.tensors[k].name, &model.tensors[k]);
  json index = read_json(places.from / index_name), map = json::object();
  for (const auto& [name, shard] : index.at("weight_map").items()) {
    if (const auto found = packed.find(name); found != packed.end())
      for (const auto& part : parts_of(*found->second, 0)) map[part.name] = shard;
    else
      map[name] = shard;
  }
  index["weight_map"] = std::move(map);
  std::uint64_t bytes = 0;
  for (const fs::path& file : model.weights) {
    const tamp::io::safetensors_listing written(places.to / file);
    for (const auto& t : written.tensors()) bytes += t.length;
  }
  if (!index.contains("metadata") || !index["metadata"].is_object())
    index["metadata"] = json::object();
  index["metadata"]["total_size"] = bytes;
  return index;
}

// config.json with what compressed-tensors 0.14.0 writes into it. Matrices that stay dense are named,
// so that no reader takes them for packed ones.
json config_of(const fs::path& path, const packed_config& config, const model_files& model,
               const std::vector<bool>& is_packed) {
  json content = read_json(path), dense = json::array();
  for (std::size_t k = 0; k < model.tensors.size(); ++k)
    if (const tensor& t = model.tensors[k];
        !is_packed[k] && t.shape.size() == 2 && t.name.ends_with(ending))
      dense.push_back(sparse_name(t));
  content["quantization_config"] = {
      {"quant_method", "compressed-tensors"},
      {"sparsity_config",
       {{"format", "sparse-bitmask"},
        {"global_sparsity", config.sparsity},
        {"ignore", std::move(dense)},
        {"sparsity_structure", config.pattern == "2:4" ? "2:4" : "unstructured"},
        {"targets", json::array({"Linear"})}}},
      {"transform_config", json::object()},
      {"version", "0.14.0"}};
  return content;
}

// The same file under another name, which takes no room where the file system can.
void link_or_copy(const fs::path& from, const fs::path& to) {
  std::error_code problem;
  fs::create_directories(to.parent_path(), problem);
  fs::remove(to, problem);
  fs::create_hard_link(from, to, problem);
  if (!problem) return;
  if (!fs::copy_file(from, to, problem) || problem)
    refuse(to, "cannot be copied from ", from.string(), ": ", problem.message());
}

bool has(const model_files& model, std::string_view other) {
  return std::find(model.others.begin(), model.others.end(), other) != model.others.end();
}

}  // namespace

std::vector<dense_tensor> layers_not_packed(const model_files& model, const layer_list& layers) {
  std::vector<dense_tensor> dense;
  layers.visit([&](const layer& l) {
    const tensor& t = model.tensors[l.tensor];
    std::string why = why_dense(t);
    if (!why.empty() && l.offset == t.offset) dense.push_back({t.name, std::move(why), t.size()});
  });
  return dense;
}

void check_packing(const model_files& model, const layer_list& layers) {
  const fs::path path = model.is_folder ? model.folder : model.path_of(0);
  if (model.is_gguf) refuse(path, "is a GGUF file, and --packed is for safetensors files alone");
  const auto is_packed = packed_tensors(model, layers);
  if (std::find(is_packed.begin(), is_packed.end(), true) == is_packed.end()) {
    const dense_tensor first = layers_not_packed(model, layers).front();
    refuse(path, "has no layer that --packed could pack: ", shown(first.name), ' ', first.why);
  }
  std::set<std::string_view> names;
  for (const tensor& t : model.tensors) {
    names.insert(t.name);
    if (tamp::io::detail::entry(t.type).type == tamp::io::dtype::unknown)
      refuse(model.path_of(t.file), "has the tensor '", shown(t.name), "' of ", shown(t.type),
             ", which --packed cannot copy");
  }
  for (std::size_t k = 0; k < model.tensors.size(); ++k) {
    if (!is_packed[k]) continue;
    for (const auto& part : parts_of(model.tensors[k], 0))
      if (names.contains(part.name))
        refuse(path, "has a tensor '", shown(part.name), "', and --packed would write another one");
  }
  if (!model.is_folder || !has(model, config_name)) return;
  const fs::path config_path = model.folder / config_name;
  const json config = read_json(config_path);
  if (!config.is_object())
    refuse(config_path, "is no JSON object, and --packed must write into it");
  for (const char* key : {"quantization_config", "compression_config"})
    if (config.contains(key))
      refuse(config_path, "has a ", key, " already, and --packed would replace it");
}

std::uint64_t most_packed_bytes(const model_files& model, const layer_list& layers,
                                const tamp::pruning_plan& plan, bool drops_blocks) {
  constexpr std::uint64_t in_header = 1024;  // of a name and shape, four times if it is packed
  const auto is_packed = packed_tensors(model, layers);
  std::uint64_t bytes = 0;
  for (std::size_t k = 0; k < model.tensors.size(); ++k) {
    const tensor& t = model.tensors[k];
    bytes += (is_packed[k] ? 0 : t.length) + in_header + 4 * t.name.size();
  }
  auto planned = plan.layers.begin();
  layers.visit([&](const layer& l) {
    const tamp::planned_layer& p = *planned++;
    if (!is_packed[l.tensor]) return;
    // No pattern but blocks, which may be smaller at the edges, drops fewer of a layer than it does row
    // by row.
    const std::size_t dropped =
        p.is_pruned() && !drops_blocks ? l.rows * tamp::detail::drop_count(l.cols, p.sparsity) : 0;
    bytes += l.length / l.size() * (l.size() - dropped);
    for (const auto& part : parts_of(model.tensors[l.tensor], 0))
      bytes += *tamp::io::detail::bytes_of(tamp::io::detail::entry(part.type),
                                           tamp::io::detail::product(part.shape));
  });
  return bytes;
}

bool write_packed(const model_files& model, const layer_list& layers, const packed_places& places,
                  const packed_config& config, const tamp::prune_report& report,
                  const surroundings& around) {
  const auto is_packed = packed_tensors(model, layers);
  const auto kept = kept_of_tensors(model, layers, report);
  progress shown_progress(model.bytes(), true, around.on_progress);
  for (std::size_t k = 0; k < model.weights.size(); ++k) {
    const fs::path to = places.to / model.weights[k];
    std::error_code problem;
    if (fs::exists(to, problem)) {
      shown_progress.skip(fs::file_size(places.from / model.weights[k]));
      continue;
    }
    fs::create_directories(to.parent_path());
    if (!file_packer(model, is_packed, kept, k, places).write(shown_progress, around)) return false;
  }
  for (const fs::path& other : model.others) {
    const fs::path to = places.to / other;
    if (other == index_name)
      write_json(to, packed_index(model, is_packed, places));
    else if (other == config_name)
      write_json(to, config_of(places.from / other, config, model, is_packed));
    else
      link_or_copy(places.from / other, to);
  }
  return true;
}

}  // namespace tamp_prune
