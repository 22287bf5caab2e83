#pragma once

// Small models that the example engine runs, as folders and as GGUF files, and a text for them.

#include <cstddef>
#include <filesystem>
#include <llama/model.hpp>
#include <string>

#include "../examples/folders.hpp"
#include "../examples/gguf_models.hpp"
#include "models.hpp"

namespace support {

inline llama::model text_model_of(const std::string& architecture, llama::Index positions = 300) {
  llama::config c = config_of(architecture);
  c.positions = positions;
  return llama::assemble(c, [](const std::string& name, llama::Index rows, llama::Index cols) {
    llama::matrix w = hashed_numbers(name, rows, cols);
    // Gains, of which a folder of gemma has what is added to 1, without rounding.
    if (name.find("norm") != std::string::npos) w.setConstant(1.25f);
    return w;
  });
}

/// One model in both forms.
struct both_forms {
  temporary_folder folder;
  std::string gguf, text;
  std::filesystem::path model = folder / "model";

  explicit both_forms(const std::string& architecture)
      : both_forms(text_model_of(architecture), architecture) {}
  both_forms(const llama::model& m, const std::string& architecture) {
    gguf = folder.write("gguf", with_tokens(gguf_of(m, architecture)).bytes());
    write_folder(model, named_tensors(m), config_json(m.config, architecture));
    std::string letters;
    for (std::size_t k = 0; k < 3000; ++k) letters += k * k % 7 < 3 ? 'a' : 'b';
    text = folder.write("text", letters);
  }
};

}  // namespace support
