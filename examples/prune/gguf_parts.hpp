#pragma once

// A GGUF model in several files, as llama-gguf-split makes them: NAME-00001-of-00003.gguf and so on.

#include <filesystem>
#include <vector>

namespace tamp_prune {

// The names of the files of the model that begins with this one: its own, and those of the other
// parts if the model was split. Throws tamp::file_error if `first` is a later part or has another
// name than parts have, or if a part is not there or is one of another model.
std::vector<std::filesystem::path> gguf_parts(const std::filesystem::path& first);

}  // namespace tamp_prune
