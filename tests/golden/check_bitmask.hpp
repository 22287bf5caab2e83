#pragma once

// Case "bitmask": weights that are not zero, packed as compressed-tensors' sparse-bitmask does.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <tamp/tamp.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

// The numbers of a tensor, which may lie at any address in the file.
template <class T>
std::vector<T> numbers_of(const safetensors_file& file, const std::string& name) {
  const auto& bytes = file.at(name).bytes;
  std::vector<T> numbers(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(static_cast<void*>(numbers.data()), bytes.data(), bytes.size());
  return numbers;
}

template <class T, class List>
std::string same_bits(const std::vector<T>& ours, const List& theirs) {
  if (ours.size() != theirs.size()) return "another number of values";
  return ours.empty() || std::memcmp(ours.data(), theirs.data(), ours.size() * sizeof(T)) == 0
             ? ""
             : "other bits";
}

// A weight of a golden file, packed by us and by the reference.
template <class T>
void check_bitmask_of(const std::string& path, const safetensors_file& file, const std::string& key,
                      tally& results) {
  const auto& shape = file.at("in.weight." + key).shape;
  const std::size_t rows = shape.at(0), cols = shape.at(1), pitch = (cols + 7) / 8;
  const auto weight = numbers_of<T>(file, "in.weight." + key);
  const auto packed = tamp::sparse::pack(tamp::view(weight, rows, cols));

  std::vector<T> values;
  std::vector<std::uint8_t> bits;
  std::vector<std::int64_t> offsets;
  for (std::size_t i = 0; i < rows; ++i) {
    offsets.push_back(static_cast<std::int64_t>(values.size()));
    values.insert(values.end(), packed.values(i).begin(), packed.values(i).end());
    for (std::size_t byte = 0; byte < pitch; ++byte)
      bits.push_back(
          static_cast<std::uint8_t>(packed.mask().row(i)[byte / 8] >> byte % 8 * 8 & 0xffu));
  }
  const auto verdict = [&](const std::string& part, const std::string& complaint) {
    results.verdict(path + " out." + part + "." + key, complaint);
  };
  const auto their_values = numbers_of<T>(file, "out.compressed." + key);
  const auto their_bits = numbers_of<std::byte>(file, "out.bitmask." + key);
  const auto their_offsets = numbers_of<std::int64_t>(file, "out.row_offsets." + key);
  verdict("compressed", same_bits(values, their_values));
  verdict("bitmask", same_bits(bits, their_bits));
  verdict("row_offsets", same_bits(offsets, their_offsets));
  verdict("shape", same_bits(std::vector<std::int64_t>(shape.begin(), shape.end()),
                             numbers_of<std::int64_t>(file, "out.shape." + key)));

  // The reference's arrays are the same weight, and unpacked the same numbers.
  const tamp::sparse::view<T> theirs(rows, cols, {their_bits, pitch, their_values, their_offsets});
  std::vector<T> dense(rows * cols), of_theirs(rows * cols);
  tamp::sparse::unpack(packed, tamp::view(dense, rows, cols));
  tamp::sparse::unpack(theirs, tamp::view(of_theirs, rows, cols));
  const auto expected = numbers_of<T>(file, "out.dense." + key);
  verdict("dense", theirs != packed ? "another weight" : same_bits(dense, expected));
  verdict("dense (of the reference's arrays)", same_bits(of_theirs, expected));
}

inline void check_bitmask(const std::string& path, const safetensors_file& file, tally& results) {
  for (const auto& tensor : file.tensors()) {
    const std::string& name = tensor.name;
    if (!name.starts_with("in.weight.")) continue;
    const std::string key = name.substr(std::string("in.weight.").size());
    if (key.ends_with(".f32"))
      check_bitmask_of<float>(path, file, key, results);
    else if (key.ends_with(".bf16"))
      check_bitmask_of<tamp::bf16>(path, file, key, results);
    else
      results.add(path, outcome::skipped, "bitmask: " + name + " is not in the library");
  }
}

}  // namespace golden
