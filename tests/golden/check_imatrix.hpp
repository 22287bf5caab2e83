#pragma once

// Case "imatrix": llama.cpp's importance matrix as column norms. The two forms of it lie beside the
// file, under the same name.

#include <filesystem>
#include <span>
#include <string>
#include <tamp/io/imatrix.hpp>

#include "tally.hpp"

namespace golden {

inline void check_imatrix(const std::string& path, const safetensors_file& file, tally& results) {
  using tamp::io::norms_per;
  std::filesystem::path beside(file.name());
  const auto gguf = beside.replace_extension(".gguf"), dat = beside.replace_extension(".dat");
  const auto tokens = tamp::io::read_imatrix(gguf);
  const auto sequences = tamp::io::read_imatrix(gguf, norms_per::sequence);
  const auto older = tamp::io::read_imatrix(dat);
  const std::string begin = "out.", norm = ".norm", norm_per_sequence = ".norm_per_sequence";
  for (const auto& tensor : file.tensors()) {
    if (!tensor.name.starts_with(begin)) continue;
    const bool per_token = tensor.name.ends_with(norm);
    const std::string name =
        tensor.name.substr(begin.size(), tensor.name.size() - begin.size() -
                                             (per_token ? norm : norm_per_sequence).size());
    const auto expected = file.read_floats(tensor.name);
    const std::size_t matrices = tensor.shape.at(0), columns = tensor.shape.at(1);
    const auto compare_with = [&](const char* form, const tamp::io::named_norms& norms,
                                  double tolerance) {
      results.verdict(path + ' ' + tensor.name + ' ' + form,
                      compare(norms.of(name, columns, matrices), expected, tolerance));
    };
    compare_with("gguf", per_token ? tokens : sequences, 0);
    if (!per_token) continue;
    compare_with("dat", older, 1e-6);
    const auto counts = file.read_floats("in." + name + ".counts");
    results.verdict(path + ' ' + name + " tokens", compare(tokens.at(name).tokens, counts, 0));
  }
}

}  // namespace golden
