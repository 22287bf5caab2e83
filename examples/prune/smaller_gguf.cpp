#include "smaller_gguf.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string_view>
#include <tamp/error.hpp>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/io/detail/replaced_file.hpp>
#include <tamp/io/gguf_metadata.hpp>
#include <utility>

#include "gguf_values.hpp"
#include "gguf_vocabulary.hpp"
#include "sentences.hpp"

namespace tamp_prune {
namespace {

using tamp::detail::sentence;
using tamp::io::detail::gguf_type;

template <class... Parts>
[[noreturn]] void refuse_metadata(const Parts&... parts) {
  throw tamp::value_error(sentence("--structure: ", parts...));
}

// An array with an entry of fixed size for each layer; null for anything else.
bool is_by_layer(const std::vector<std::byte>& value, std::size_t layers) {
  std::uint32_t type = 0, inner = 0;
  std::uint64_t count = 0;
  if (value.size() < 16) return false;
  std::memcpy(&type, value.data(), 4);
  std::memcpy(&inner, value.data() + 4, 4);
  std::memcpy(&count, value.data() + 8, 8);
  return static_cast<gguf_type>(type) == gguf_type::array && count == layers && layers != 0 &&
         inner < tamp::io::detail::gguf_type_sizes.size() &&
         tamp::io::detail::gguf_type_sizes[inner] != 0;
}
void drop_entries(std::vector<std::byte>& value, const structure_change& change) {
  const std::vector<std::byte> before = value;
  const std::size_t size = (before.size() - 16) / change.layers_before;
  value.assign(before.begin(), before.begin() + 8);
  append(value, std::uint64_t{change.layers.size()});
  for (const std::size_t n : change.layers) {
    const auto begin = before.begin() + static_cast<std::ptrdiff_t>(16 + n * size);
    value.insert(value.end(), begin, begin + static_cast<std::ptrdiff_t>(size));
  }
}

bool all_equal(const std::vector<std::size_t>& numbers) {
  return std::adjacent_find(numbers.begin(), numbers.end(), std::not_equal_to<>()) == numbers.end();
}

// Those of which llama.cpp reads widths and heads as lists.
bool reads_lists(std::string_view architecture) {
  return architecture == "deci" || architecture == "openelm";
}

// True where the kind of a block does not depend on its number.
bool has_equal_blocks(std::string_view architecture) {
  constexpr std::array<std::string_view, 10> known{"llama",    "deci",     "qwen2",    "qwen3",
                                                   "qwen2moe", "qwen3moe", "mistral3", "starcoder2",
                                                   "olmo2",    "olmoe"};
  return std::find(known.begin(), known.end(), architecture) != known.end();
}

class metadata_editor {
 public:
  metadata_editor(std::vector<metadata_pair> pairs, std::string architecture)
      : pairs_(std::move(pairs)), architecture_(std::move(architecture)) {}

  void set(std::string_view key, std::vector<std::byte> value) {
    const std::string own = architecture_ + '.' + std::string(key);
    for (metadata_pair& pair : pairs_)
      if (pair.key == own) {
        pair.value = std::move(value);
        return;
      }
    pairs_.push_back({own, std::move(value)});
  }
  // One number for all blocks, or a list where the architecture has one.
  void set_widths(const std::vector<std::size_t>& numbers, std::string_view what,
                  std::string_view key, std::size_t layers, std::string_view written_as) {
    if (numbers.empty()) return;
    if (numbers.size() != layers)
      refuse_metadata("GGUF has one ", key, " for all blocks, and ", layers - numbers.size(),
                      " of them have no ", what, " to lose");
    if (all_equal(numbers)) return set(key, value_of(numbers.front()));
    if (!reads_lists(written_as))
      refuse_metadata(
          "blocks of the smaller model would have different numbers of ", what,
          ", and the architecture '", written_as, "' has one ", key,
          " for all: use --allocate uniform, or of a llama --architecture deci, of which ",
          "llama.cpp reads a list");
    set(key, value_of(numbers));
  }
  void drop_layers(const structure_change& change) {
    for (metadata_pair& pair : pairs_)
      if (pair.key.starts_with(architecture_ + '.') &&
          is_by_layer(pair.value, change.layers_before))
        drop_entries(pair.value, change);
    set("block_count", value_of(change.layers.size()));
  }
  void rename(const std::string& to) {
    for (metadata_pair& pair : pairs_) {
      if (pair.key == "general.architecture") pair.value = value_of(std::string_view(to));
      if (pair.key.starts_with(architecture_ + '.'))
        pair.key = to + pair.key.substr(architecture_.size());
    }
  }
  std::vector<metadata_pair> take() { return std::move(pairs_); }

 private:
  std::vector<metadata_pair> pairs_;
  std::string architecture_;
};

std::uint64_t aligned(std::uint64_t offset, std::uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

tamp::io::gguf_header header_in(const model_files& model, std::string_view option,
                                std::vector<std::byte>& bytes) {
  if (model.weights.size() > 1)
    refuse(model.path_of(0), "is one of ", model.weights.size(), " parts, and ", option,
           " takes models of one file: merge them with llama-gguf-split --merge");
  const tamp::detail::readable_file file(model.path_of(0));
  return read_gguf_header(file, bytes);
}

}  // namespace

gguf_source::gguf_source(const model_files& model, std::string_view option)
    : header_(header_in(model, option, bytes_)) {}

std::string gguf_source::architecture() const {
  return header_.value<std::string>("general.architecture");
}

std::vector<metadata_pair> gguf_source::metadata() const {
  const std::span<const std::byte> all(bytes_);
  tamp::io::detail::gguf_cursor cursor(all, "the model");
  cursor.bytes(4, "the magic");
  cursor.number<std::uint32_t>("the version");
  cursor.number<std::uint64_t>("the number of tensors");
  const auto count = cursor.number<std::uint64_t>("the number of metadata");
  std::vector<metadata_pair> pairs;
  for (std::uint64_t k = 0; k < count; ++k) {
    metadata_pair pair{std::string(cursor.string("a metadata key")), {}};
    const std::size_t begin = cursor.position();
    cursor.value(cursor.number<std::uint32_t>("a metadata type"));
    const auto value = all.subspan(begin, cursor.position() - begin);
    pair.value.assign(value.begin(), value.end());
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

model_numbers numbers_of_gguf(const gguf_source& source) {
  const auto& header = source.header();
  const auto number = [&](const char* key, std::size_t otherwise) -> std::size_t {
    const std::string own = source.architecture() + '.' + key;
    if (!header.has(own)) return otherwise;
    return header.value<std::uint32_t>(own);
  };
  const auto keys = header.keys();
  model_numbers numbers;
  numbers.layers = number("block_count", 0);
  try {
    numbers.heads = number("attention.head_count", 0);
    numbers.kv_heads = number("attention.head_count_kv", numbers.heads);
  } catch (const tamp::file_error&) {
    numbers.heads = numbers.kv_heads = 0;  // lists: what leaves heads refuses that
  }
  const std::size_t hidden = number("embedding_length", 0);
  numbers.head_dim =
      number("attention.key_length", numbers.heads == 0 ? 0 : hidden / numbers.heads);
  if (number("attention.value_length", numbers.head_dim) != numbers.head_dim) numbers.heads = 0;
  numbers.experts_used = number("expert_used_count", 0);
  numbers.expert_groups = std::max<std::size_t>(number("expert_group_count", 1), 1);
  numbers.expert_groups_used = std::max<std::size_t>(number("expert_group_used_count", 1), 1);
  return numbers;
}

std::vector<metadata_pair> changed_metadata(const gguf_source& source,
                                            const structure_change& change, bool adds_biases,
                                            const std::string& architecture,
                                            const vocabulary& tokens) {
  const std::string own = source.architecture();
  const std::string written_as = architecture.empty() ? own : architecture;
  if (written_as != own && !(own == "llama" && written_as == "deci"))
    refuse_metadata("a model of the architecture '", own, "' cannot be called '", written_as,
                    "': only a llama is a deci, too");
  std::vector<metadata_pair> pairs = source.metadata();
  if (!change.tokens.empty()) cut_metadata(pairs, own, tokens, change.tokens);
  metadata_editor edit(std::move(pairs), own);
  const std::size_t layers = change.layers.size();
  if (change.drops_layers()) {
    const std::string dense = own + ".leading_dense_block_count";
    if (!has_equal_blocks(own) ||
        (source.header().has(dense) && source.header().value<std::uint32_t>(dense) != 0))
      refuse_metadata(
          "of the architecture '", own,
          "' tamp does not know that what a block is does not depend on its number, which "
          "layers that leave change");
    edit.drop_layers(change);
  }
  edit.set_widths(change.ffn, "neurons", "feed_forward_length", layers, written_as);
  edit.set_widths(change.heads, "query heads", "attention.head_count", layers, written_as);
  edit.set_widths(change.kv_heads, "key and value heads", "attention.head_count_kv", layers,
                  written_as);
  if (change.head_dim != 0) {
    edit.set("attention.key_length", value_of(change.head_dim));
    edit.set("attention.value_length", value_of(change.head_dim));
  }
  if (!change.experts.empty())
    edit.set("expert_count",
             value_of(one_for_all(change.experts, "experts", "expert_count", "GGUF")));
  if (adds_biases && own != "llama" && own != "deci")
    refuse_metadata("of the architecture '", own,
                    "' tamp does not know that llama.cpp reads biases of attn_output and ffn_down: "
                    "leave out --compensate");
  edit.rename(written_as);
  return edit.take();
}

bool write_gguf(const std::filesystem::path& path, const model_files& model,
                const gguf_source& source, const std::vector<metadata_pair>& metadata,
                const std::vector<smaller_tensor>& tensors,
                const std::function<bool()>& is_stopped) {
  const std::uint64_t alignment = source.header().alignment();
  std::vector<std::byte> header;
  for (const char c : std::string_view("GGUF")) header.push_back(static_cast<std::byte>(c));
  append(header, std::uint32_t{3});
  append(header, std::uint64_t{tensors.size()});
  append(header, std::uint64_t{metadata.size()});
  for (const metadata_pair& pair : metadata) {
    append(header, std::string_view(pair.key));
    header.insert(header.end(), pair.value.begin(), pair.value.end());
  }
  std::vector<std::uint64_t> offsets;
  std::uint64_t end = 0;
  for (const smaller_tensor& t : tensors) {
    append(header, std::string_view(t.name));
    append(header, static_cast<std::uint32_t>(t.shape.size()));
    for (auto extent = t.shape.rbegin(); extent != t.shape.rend(); ++extent)
      append(header, std::uint64_t{*extent});
    append(header, t.ggml_type);
    offsets.push_back(aligned(end, alignment));
    append(header, offsets.back());
    end = offsets.back() + length_of(t, model);
  }
  header.resize(static_cast<std::size_t>(aligned(header.size(), alignment)));
  tamp::detail::replaced_file out(path);
  out.open({reinterpret_cast<const char*>(header.data()), header.size()});
  const file_weights weights(model);
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    if (is_stopped()) return false;
    out.write(static_cast<std::size_t>(header.size() + offsets[k]),
              bytes_of(tensors[k], model, weights));
  }
  // The last tensor is padded as the others are.
  const std::vector<std::byte> rest(static_cast<std::size_t>(aligned(end, alignment) - end));
  if (!rest.empty()) out.write(static_cast<std::size_t>(header.size() + end), rest);
  out.commit();
  return true;
}

}  // namespace tamp_prune
