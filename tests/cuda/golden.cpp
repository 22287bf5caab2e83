#include "golden.hpp"

#include <tamp/io/safetensors.hpp>

namespace support {

golden_file::golden_file(const std::string& name) {
  const tamp::io::safetensors_file file(TAMP_SOURCE_DIR "/tests/golden/" + name + ".safetensors");
  metadata = file.metadata();
  for (const auto& tensor : file.tensors()) {
    std::vector<double>& to = numbers[tensor.name];
    shapes[tensor.name] = tensor.shape;
    const auto copy = [&](const auto& from) { to.assign(from.begin(), from.end()); };
    using enum tamp::io::dtype;
    if (tensor.type == f64)
      copy(file.values<double>(tensor.name));
    else if (tensor.type == u8)
      copy(file.values<std::uint8_t>(tensor.name));
    else if (tensor.type == i64)
      for (const std::int64_t number : file.values<std::int64_t>(tensor.name))
        to.push_back(static_cast<double>(number));
    else
      copy(file.read_floats(tensor.name));
  }
}

}  // namespace support
