// Any bytes as a safetensors file: opened or refused, and what it lists can be read or is refused.

#include <tamp/io/safetensors_file.hpp>
#include <tamp/io/safetensors_writer.hpp>

#include "files.hpp"

namespace fuzz::safetensors_file {

using tamp::io::dtype;
using tamp::io::safetensors_file;

template <class T>
void tell_values(const safetensors_file& file, const tamp::io::tensor_info& tensor,
                 std::string& told) {
  const auto refused = refusal([&] {
    const auto values = file.values<T>(tensor.name);
    check(values.size() * sizeof(T) == tensor.bytes.size(), "all numbers are handed out");
    for (const T value : values) told.append(reinterpret_cast<const char*>(&value), sizeof value);
  });
  told += refused.value_or("");
}

/// All that a file says, refusals included.
std::string all_of(const safetensors_file& file) {
  std::string told;
  for (const auto& [key, value] : file.metadata()) told += key + '=' + value + '\n';
  for (const auto& tensor : file.tensors()) {
    check(file.contains(tensor.name), "a listed tensor is there");
    check(&file.at(tensor.name) == &tensor, "a tensor has a name of its own");
    told += tensor.name + ' ';
    for (const std::size_t extent : tensor.shape) told += std::to_string(extent) + ' ';
    told.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    tell_values<double>(file, tensor, told);
    tell_values<float>(file, tensor, told);
    tell_values<tamp::f16>(file, tensor, told);
    tell_values<tamp::bf16>(file, tensor, told);
    tell_values<std::int64_t>(file, tensor, told);
    tell_values<std::int32_t>(file, tensor, told);
    tell_values<std::uint8_t>(file, tensor, told);
    tell_values<bool>(file, tensor, told);
    told += refusal([&] {
              const auto matrix = file.matrix<float>(tensor.name);
              for (std::size_t i = 0; i < matrix.rows() && !matrix.empty(); ++i)
                for (const float number : matrix.row(i))
                  told.append(reinterpret_cast<const char*>(&number), sizeof number);
            }).value_or("");
    told += refusal([&] {
              for (const float number : file.read_floats(tensor.name))
                told.append(reinterpret_cast<const char*>(&number), sizeof number);
            }).value_or("");
  }
  return told;
}

void run(source& in) {
  const std::string path = file_of(in.rest());
  refusal([&] {
    const safetensors_file first(path);
    const std::string told = all_of(first);
    check(all_of(first) == told, "a tensor is the same when it is read again");
    check(all_of(safetensors_file(path)) == told, "a file is the same when it is opened again");
  });
}

std::vector<std::string> seeds() {
  const folder place;
  const auto write = [&](const std::vector<tamp::io::declaration>& tensors) {
    tamp::io::safetensors_writer out(place / "seed", tensors, {{"format", "pt"}});
    for (const auto& [name, type, shape] : tensors) {
      const std::vector<double> numbers(tamp::io::detail::product(shape), 0.5);
      const std::vector<std::uint8_t> bytes(numbers.size(), 7);
      if (type == dtype::f64) out.write<double>(name, numbers);
      if (type == dtype::u8) out.write<std::uint8_t>(name, bytes);
    }
    out.commit();
    return bytes_of(place / "seed");
  };
  const auto by_hand = [](std::string header, std::size_t data) {
    const std::uint64_t size = header.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof size) + header +
           std::string(data, '\1');
  };
  return {write({}),
          write({{"a", dtype::f64, {2, 3}}, {"b", dtype::u8, {5}}, {"c", dtype::f64, {}}}),
          write({{"empty", dtype::f64, {0, 9}}, {"d", dtype::u8, {1, 1, 2}}}),
          by_hand(R"({"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}, )"
                  R"("w":{"dtype":"BF16","shape":[1,2],"data_offsets":[4,8]}, )"
                  R"("f":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
                  12),
          by_hand(R"({"q":{"dtype":"I32","shape":[1],"data_offsets":[0,4]},)"
                  R"("l":{"dtype":"I64","shape":[1],"data_offsets":[4,12]},)"
                  R"("o":{"dtype":"BOOL","shape":[2],"data_offsets":[12,14]}})",
                  14),
          by_hand(R"({"x":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]}})", 3)};
}

const registered here("safetensors_files", run, seeds);

}  // namespace fuzz::safetensors_file
