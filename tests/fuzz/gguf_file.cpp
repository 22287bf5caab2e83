// Any bytes as a GGUF file: opened or refused, and what it lists can be read or is refused. A copy of
// what can be read is pruned: dropped weights are zero, the others stay, to the bit.

#include <tamp/io/ggml_rows.hpp>
#include <tamp/io/gguf.hpp>

#include <algorithm>

#include "files.hpp"

namespace fuzz::gguf_file {

using tamp::io::gguf_file;

template <class T>
void append(std::string& told, const T& value) {
  if constexpr (std::is_same_v<T, std::string>)
    told += value + '\n';
  else
    told.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
void tell_metadata(const gguf_file& file, const std::string& key, std::string& told) {
  told += refusal([&] { append(told, file.value<T>(key)); }).value_or("");
  told += refusal([&] {
            const std::vector<T> values = file.values<T>(key);
            for (std::size_t k = 0; k < values.size(); ++k) append(told, T(values[k]));
          }).value_or("");
}

/// Calls use(i) for the rows of a tensor: of many the first and the last, so that an input stays
/// quick.
template <class Use>
void for_some_rows(std::size_t rows, Use&& use) {
  for (std::size_t i = 0; i < rows; i = i == 62 ? (std::max)(i + 1, rows - 1) : i + 1) use(i);
}

/// All that a file says, refusals included.
std::string all_of(const gguf_file& file) {
  std::string told;
  for (const std::string& key : file.keys()) {
    check(file.has(key), "a listed key is there");
    tell_metadata<bool>(file, key, told);
    tell_metadata<std::uint8_t>(file, key, told);
    tell_metadata<std::int32_t>(file, key, told);
    tell_metadata<std::uint64_t>(file, key, told);
    tell_metadata<float>(file, key, told);
    tell_metadata<double>(file, key, told);
    tell_metadata<std::string>(file, key, told);
  }
  for (const tamp::io::gguf_tensor& listed : file.tensors()) {
    check(file.contains(listed.name), "a listed tensor is there");
    told += listed.name;
    told += refusal([&] {
              const auto rows = file.tensor(listed.name);
              std::vector<float> row(rows.cols());
              for_some_rows(rows.rows(), [&](std::size_t i) {
                rows.read_row(i, row);
                for (const float number : row) append(told, number);
              });
              check(refusal([&] { rows.read_row(rows.rows(), row); }).has_value(),
                    "a row past the last is refused");
            }).value_or("");
  }
  return told;
}

/// Prunes a copy of each tensor by random masks. A number of a block whose scale is not finite has
/// no zero.
void prune(const gguf_file& file, source& in) {
  for (const tamp::io::gguf_tensor& listed : file.tensors())
    refusal([&] {
      const auto rows = file.tensor(listed.name);
      std::vector<std::byte> bytes(listed.bytes.begin(), listed.bytes.end());
      tamp::io::ggml_rows copy(listed.type, std::span(bytes), rows.rows(), rows.cols(), "a copy");
      std::vector<float> before(rows.cols()), after(rows.cols());
      for_some_rows(rows.rows(), [&](std::size_t i) {
        const auto keep =
            in.list((rows.cols() + 63) / 64, [&] { return in.bits<std::uint64_t>(); });
        const bool refused = refusal([&] { copy.zero(i, keep); }).has_value();
        check(refused != copy.has_zero(), "a row is pruned if its type has a zero");
        rows.read_row(i, before);
        copy.read_row(i, after);
        for (std::size_t j = 0; j < before.size(); ++j)
          if (refused || (keep[j / 64] >> j % 64 & 1u) != 0)
            check(std::bit_cast<std::uint32_t>(after[j]) == std::bit_cast<std::uint32_t>(before[j]),
                  "a kept weight keeps its bits");
          else
            check(after[j] == 0 || !tamp::is_finite(before[j]), "a dropped weight is zero");
      });
    });
}

void run(source& in) {
  const std::string path = file_of(in.rest());
  refusal([&] {
    const gguf_file first(path);
    const std::string told = all_of(first);
    check(all_of(first) == told, "a tensor is the same when it is read again");
    check(all_of(gguf_file(path)) == told, "a file is the same when it is opened again");
    prune(first, in);
  });
}

template <class... Numbers>
std::string bytes_of(const Numbers&... numbers) {
  std::string bytes;
  (append(bytes, numbers), ...);
  return bytes;
}
std::string string_of(std::string_view text) {
  return bytes_of(std::uint64_t{text.size()}) + std::string(text);
}

/// One tensor of two rows, of each type that tamp reads and of one that it does not; and metadata
/// of each type, alone and in arrays.
std::vector<std::string> seeds() {
  std::vector<std::string> all;
  const auto file = [&](std::uint64_t tensors, std::uint64_t pairs, std::string body) {
    all.push_back("GGUF" + bytes_of(std::uint32_t{3}, tensors, pairs) + std::move(body));
  };
  for (const auto& type : tamp::io::ggml::types) {
    if (type.decode_row == nullptr && type.id != 16) continue;
    std::string body = string_of("blk.0.w") + bytes_of(std::uint32_t{2}, std::uint64_t{type.values},
                                                       std::uint64_t{2}, type.id, std::uint64_t{0});
    body.resize((24 + body.size() + 31) / 32 * 32 - 24);
    file(1, 0, body + std::string(2 * type.bytes, '\x35'));
  }
  std::string pairs, arrays;
  for (std::uint32_t type = 0; type < 13; ++type) {
    const std::size_t size = tamp::io::detail::gguf_type_sizes[type];
    if (type == 9) continue;
    const std::string value = size == 0 ? string_of("gpt2") : std::string(size, '\1');
    const std::string key = string_of("general." + std::to_string(type));
    pairs += key + bytes_of(type) + value;
    arrays += key + bytes_of(std::uint32_t{9}, type, std::uint64_t{2}) + value + value;
  }
  file(0, 12, pairs);
  file(0, 12, arrays);
  file(0, 1, string_of("general.alignment") + bytes_of(std::uint32_t{4}, std::uint32_t{64}));
  return all;
}

const registered here("gguf_files", run, seeds);

}  // namespace fuzz::gguf_file
