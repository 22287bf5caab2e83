// Any tensors written to a safetensors file: what was committed is read back to the bit, what is
// refused leaves the old file.

#include <tamp/io/safetensors_file.hpp>
#include <tamp/io/safetensors_writer.hpp>

#include <algorithm>
#include <map>

#include "files.hpp"

namespace fuzz::safetensors_writer {

using tamp::io::declaration;
using tamp::io::dtype;

template <class Use>
void with_type(dtype type, Use&& use) {
  switch (type) {
    case dtype::f64:
      return use(double{});
    case dtype::f32:
      return use(float{});
    case dtype::f16:
      return use(tamp::f16{});
    case dtype::bf16:
      return use(tamp::bf16{});
    case dtype::i64:
      return use(std::int64_t{});
    case dtype::i32:
      return use(std::int32_t{});
    case dtype::u8:
      return use(std::uint8_t{});
    default:
      return use(bool{});
  }
}

constexpr dtype types[] = {dtype::f64, dtype::f32, dtype::f16, dtype::bf16,
                           dtype::i64, dtype::i32, dtype::u8,  dtype::boolean};

std::vector<declaration> declarations(source& in) {
  return in.list(in.count(0, 4), [&] {
    declaration one{
        in.flag() ? std::string(1, static_cast<char>('a' + in.count(0, 9))) : in.text(6),
        in.of(types),
        {}};
    one.shape = in.list(in.count(0, 3), [&] { return in.size(5); });
    return one;
  });
}

/// True if the file may become larger than the system has files.
bool any_is_huge(const std::vector<declaration>& tensors) {
  return std::any_of(tensors.begin(), tensors.end(), [](const declaration& tensor) {
    return tamp::io::detail::product(tensor.shape) > 1'000'000;
  });
}

/// Writes each tensor in pieces, tensors in turns. Some are too long, or not complete.
void write_pieces(source& in, tamp::io::safetensors_writer& out,
                  const std::vector<declaration>& tensors,
                  std::map<std::string, std::string>& written) {
  for (std::size_t pieces = in.count(0, 12); pieces != 0 && !tensors.empty(); --pieces) {
    const declaration& tensor = in.of(tensors);
    with_type(tensor.type, [&]<class T>(T) {
      const std::size_t size = tamp::io::detail::product(tensor.shape);
      std::string& before = written[tensor.name];
      const std::size_t left = size - before.size() / sizeof(T);
      const bool whole = in.flag() && left <= 1000;
      const std::size_t count = whole ? left : in.count(0, 5);
      std::string bytes(count * sizeof(T), '\0');
      for (char& b : bytes) b = static_cast<char>(std::is_same_v<T, bool> ? in.flag() : in.byte());
      std::vector<std::uint64_t> aligned(bytes.size() / 8 + 1);
      std::memcpy(aligned.data(), bytes.data(), bytes.size());
      const auto refused = refusal([&] {
        out.write<T>(tensor.name, std::span(reinterpret_cast<const T*>(aligned.data()), count));
      });
      check(refused || count <= left, "what is too much is refused");
      check(!refused || count > left || any_is_huge(tensors), "what there is room for is not");
      if (!refused) before += bytes;
    });
  }
}

void run(source& in) {
  static const folder place;
  const auto tensors = declarations(in);
  std::map<std::string, std::string> metadata, written;
  for (std::size_t k = in.count(0, 2); k != 0; --k) metadata[in.text(4)] = in.text(4);
  const bool committed = replaces(place, place / "tensors", [&](const auto& path) {
    tamp::io::safetensors_writer out(path, tensors, metadata);
    write_pieces(in, out, tensors, written);
    out.commit();
  });
  if (!committed) return;
  const tamp::io::safetensors_file file(place / "tensors");
  check(file.metadata() == metadata, "the metadata are read back");
  check(file.tensors().size() == tensors.size(), "as many tensors are read back");
  for (const declaration& tensor : tensors) {
    const auto& read = file.at(tensor.name);
    check(read.shape == tensor.shape, "a shape is read back");
    check(same_bits(read.bytes, written[tensor.name]), "numbers are read back");
    with_type(tensor.type, [&]<class T>(T) {
      const auto values = file.values<T>(tensor.name);
      check(values.size_bytes() == read.bytes.size(), "and in their type, aligned");
    });
  }
}

const registered here("round_trips", run);

}  // namespace fuzz::safetensors_writer
