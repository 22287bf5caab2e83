#include "gguf_parts.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/io/gguf_header.hpp>

#include "model_files.hpp"
#include "sentences.hpp"

namespace fs = std::filesystem;

namespace tamp_prune {
namespace {

// The numbers that a file states of itself and the others. Parts count from 0.
struct stated_part {
  std::uint64_t number = 0, count = 1;
  std::uint64_t tensors_of_all = 0, tensors = 0;
};

stated_part read_part(const fs::path& path) {
  const tamp::detail::readable_file file(path);
  std::vector<std::byte> bytes;
  const auto header = read_gguf_header(file, bytes);
  stated_part p;
  p.tensors = p.tensors_of_all = header.tensors().size();
  if (!header.has("split.count")) return p;
  p.count = header.value<std::uint64_t>("split.count");
  if (p.count <= 1) return p;
  p.number = header.value<std::uint64_t>("split.no");
  p.tensors_of_all = header.value<std::uint64_t>("split.tensors.count");
  return p;
}

std::string ending_of(std::uint64_t number, std::uint64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
}

}  // namespace

std::vector<fs::path> gguf_parts(const fs::path& first) {
  const stated_part of_first = read_part(first);
  if (of_first.count <= 1) return {first.filename()};
  const std::string name = first.filename().string(),
                    ending = ending_of(of_first.number, of_first.count);
  if (!name.ends_with(ending))
    refuse(first, "is part ", of_first.number + 1, " of ", of_first.count,
           " by its metadata, and its name does not end in ", ending);
  const std::string start = name.substr(0, name.size() - ending.size());
  if (of_first.number != 0)
    refuse(first, "is part ", of_first.number + 1, " of ", of_first.count, "; name the first one, ",
           start, ending_of(0, of_first.count));

  std::vector<fs::path> names{first.filename()};
  std::uint64_t tensors = of_first.tensors;
  for (std::uint64_t k = 1; k < of_first.count; ++k) {
    const fs::path path = first.parent_path() / (start + ending_of(k, of_first.count));
    if (!fs::exists(path))
      refuse(path, "is not there, and is part ", k + 1, " of the ", of_first.count, " of ", name);
    const stated_part p = read_part(path);
    if (p.number != k || p.count != of_first.count)
      refuse(path, "is part ", p.number + 1, " of ", p.count, " by its metadata, not part ", k + 1,
             " of ", of_first.count);
    if (p.tensors_of_all != of_first.tensors_of_all)
      refuse(path, "is part of a model of ", counted(p.tensors_of_all, "tensor"), ", and ", name,
             " of one of ", of_first.tensors_of_all);
    tensors += p.tensors;
    names.push_back(path.filename());
  }
  if (tensors != of_first.tensors_of_all)
    refuse(first, "says that all parts have ", counted(of_first.tensors_of_all, "tensor"),
           ", and they have ", tensors);
  return names;
}

}  // namespace tamp_prune
