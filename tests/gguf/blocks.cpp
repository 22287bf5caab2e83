// The results of tamp on rows of ggml's blocks, for check.py, which runs it:
//
//     blocks types                           number, name, values and bytes of a block of every type,
//                                            whether tamp reads it, and whether it has a zero
//     blocks read TYPE COLS BLOCKS FLOATS    the numbers of a file of blocks
//     blocks zero TYPE COLS BLOCKS KEEP OUT  the blocks without the weights whose bit in KEEP is 0

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <tamp/error.hpp>
#include <tamp/io/ggml_rows.hpp>
#include <vector>

namespace {

std::vector<std::byte> read_file(const std::string& path) {
  std::vector<std::byte> bytes(std::filesystem::file_size(path));
  std::ifstream(path, std::ios::binary)
      .read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

template <class T>
void write_file(const std::string& path, const std::vector<T>& numbers) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(numbers.data()),
             static_cast<std::streamsize>(numbers.size() * sizeof(T)));
}

auto rows_of(const std::string& number, std::size_t cols, std::vector<std::byte>& bytes) {
  const auto id = static_cast<std::uint32_t>(std::stoul(number));
  const auto* type = tamp::io::ggml::find_type(id);
  if (type == nullptr) throw tamp::value_error("blocks: there is no type " + number);
  const std::size_t rows = bytes.size() / (cols / type->values * type->bytes);
  return tamp::io::ggml_rows(id, std::span(bytes), rows, cols, std::string(type->name));
}

void list_types() {
  for (const auto& type : tamp::io::ggml::types)
    std::printf("%u %s %zu %zu %d %d\n", static_cast<unsigned>(type.id),
                std::string(type.name).c_str(), type.values, type.bytes, type.decode_row != nullptr,
                type.zero_row != nullptr);
}

void read(const std::vector<std::string>& words) {
  auto bytes = read_file(words[3]);
  const std::size_t cols = std::stoul(words[2]);
  const auto rows = rows_of(words[1], cols, bytes);
  std::vector<float> numbers(rows.rows() * cols);
  for (std::size_t i = 0; i < rows.rows(); ++i)
    rows.read_row(i, std::span(numbers).subspan(i * cols, cols));
  write_file(words[4], numbers);
}

// KEEP has whole words for each row.
void zero(const std::vector<std::string>& words) {
  auto bytes = read_file(words[3]);
  const auto packed = read_file(words[4]);
  const std::size_t cols = std::stoul(words[2]), row_words = (cols + 63) / 64;
  auto rows = rows_of(words[1], cols, bytes);
  std::vector<std::uint64_t> keep(rows.rows() * row_words);
  if (packed.size() != keep.size() * 8) throw tamp::shape_error("blocks: KEEP has another size");
  std::memcpy(keep.data(), packed.data(), packed.size());
  for (std::size_t i = 0; i < rows.rows(); ++i)
    rows.zero(i, std::span<const std::uint64_t>(keep).subspan(i * row_words, row_words));
  write_file(words[5], bytes);
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  try {
    if (words.size() == 1 && words[0] == "types") return list_types(), 0;
    if (words.size() == 5 && words[0] == "read") return read(words), 0;
    if (words.size() == 6 && words[0] == "zero") return zero(words), 0;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return 1;
  }
  std::fputs("blocks types | read TYPE COLS BLOCKS FLOATS | zero TYPE COLS BLOCKS KEEP OUT\n",
             stderr);
  return 2;
}
