#include "masks.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/io/ggml_rows.hpp>
#include <tamp/io/safetensors_writer.hpp>
#include <vector>

#include "progress.hpp"

namespace tamp_prune {
namespace {

struct extents {
  std::size_t rows = 0, cols = 0;
  std::size_t bytes_of_row() const { return cols / 8 + (cols % 8 != 0); }
};

extents extents_of(const tensor& t) {
  const std::size_t cols = t.shape.back();
  return {t.size() / cols, cols};  // a layer is never empty
}

// The bits of a layer's rows, as they are stored.
class layer_bits {
 public:
  layer_bits(const tensor& t, const layer& l, std::span<const std::byte> bytes)
      : cols_(t.shape.back()), bytes_(bytes), bits_(l.size() / cols_ * row_bytes()) {
    switch (t.kind) {
      case number::f64:
        add_numbers<std::uint64_t>();
        break;
      case number::f32:
        add_numbers<std::uint32_t>();
        break;
      case number::f16:
      case number::bf16:
        add_numbers<std::uint16_t>();
        break;
      case number::block:
        add_rows({l.new_type, bytes, l.rows, l.cols, l.name});
        break;
      case number::other:  // is no layer
        break;
    }
  }
  std::span<const std::byte> bytes() const { return bits_; }

 private:
  std::size_t row_bytes() const { return extents{1, cols_}.bytes_of_row(); }
  void keep(std::size_t row, std::size_t j) {
    bits_[row * row_bytes() + j / 8] |= std::byte{1} << j % 8;
  }

  // Numbers of floating point are zero, with either sign, if no bit but the sign's is set.
  template <class Bits>
  void add_numbers() {
    const std::size_t count = bytes_.size() / sizeof(Bits);
    for (std::size_t k = 0; k < count; ++k) {
      Bits number{};
      std::memcpy(&number, bytes_.data() + k * sizeof number, sizeof number);
      if (static_cast<Bits>(number << 1) != 0) keep(k / cols_, k % cols_);
    }
  }
  void add_rows(const tamp::io::ggml_rows<const std::byte>& rows) {
    std::vector<float> row(cols_);
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      rows.read_row(i, row);
      for (std::size_t j = 0; j < cols_; ++j)
        if (row[j] != 0) keep(i, j);
    }
  }

  std::size_t cols_;
  std::span<const std::byte> bytes_;
  std::vector<std::byte> bits_;
};

}  // namespace

bool write_masks(const std::filesystem::path& to, const model_files& model,
                 const layer_list& layers,
                 const std::function<std::filesystem::path(std::size_t)>& pruned,
                 const surroundings& around) {
  std::vector<tamp::io::declaration> declared;
  std::uint64_t bytes_to_read = 0;
  layers.visit([&](const layer& l) {
    const tensor& t = model.tensors[l.tensor];
    bytes_to_read += l.new_length;
    if (l.offset != t.offset) return;  // not the first expert of the tensor
    const extents shape = extents_of(t);
    declared.push_back(
        {t.name + ".bitmask", tamp::io::dtype::u8, {shape.rows, shape.bytes_of_row()}});
    declared.push_back({t.name + ".shape", tamp::io::dtype::i64, {2}});
  });
  tamp::io::safetensors_writer out(to, declared, {{"format", "tamp masks"}, {"version", "1"}});

  std::vector<tamp::detail::readable_file> files;
  for (std::size_t k = 0; k < model.weights.size(); ++k) files.emplace_back(pruned(k));
  std::vector<std::byte> bytes;
  progress shown(bytes_to_read, true, around.on_progress);
  bool is_stopped = false;
  layers.visit([&](const layer& l) {
    if (is_stopped || (is_stopped = around.is_stopped())) return;
    const tensor& t = model.tensors[l.tensor];
    bytes.resize(l.new_length);
    files[t.file].read(l.new_offset, bytes);
    out.write_bytes(t.name + ".bitmask", layer_bits(t, l, bytes).bytes());
    if (l.offset == t.offset) {
      const extents shape = extents_of(t);
      out.write<std::int64_t>(t.name + ".shape", std::array{static_cast<std::int64_t>(shape.rows),
                                                            static_cast<std::int64_t>(shape.cols)});
    }
    shown.add(l.new_length, "mask of " + l.name);
  });
  if (is_stopped) return false;
  out.commit();
  return true;
}

}  // namespace tamp_prune
