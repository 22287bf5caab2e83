#include "summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tamp/io/detail/replaced_file.hpp>
#include <tamp/io/detail/shown.hpp>
#include <tamp/io/prune_report.hpp>
#include <tamp/model/fingerprint.hpp>
#include <utility>
#include <vector>

#include "packed_files.hpp"
#include "sentences.hpp"

namespace fs = std::filesystem;

namespace tamp_prune {
namespace {

using tamp::detail::shown;

// The bytes of the model with its layers in the layout of tamp/io/sparse_file.hpp: one bit for
// each weight, the kept ones, and the number of kept ones before each row. Nothing for blocks of
// ggml.
std::optional<std::uint64_t> packed_bytes(const model_files& model, const layer_list& layers,
                                          const tamp::prune_report& report) {
  std::uint64_t bytes = model.bytes();
  std::size_t k = 0;
  for (const block& b : layers.blocks)
    for (const layer& l : b.layers) {
      if (model.tensors[l.tensor].kind == number::block) return std::nullopt;
      const tamp::layer_report& done = report.layers[k++];
      const std::uint64_t each = l.length / std::max<std::size_t>(l.size(), 1);
      bytes -= l.length;
      bytes += (l.size() - done.zeros()) * each + l.rows * ((l.cols + 7) / 8) + l.rows * 8 + 16;
    }
  return bytes;
}

// Names of files may be any bytes, and JSON is UTF-8.
std::string as_text(const fs::path& path) {
  using handler = nlohmann::json::error_handler_t;
  return nlohmann::json::parse(
      nlohmann::json(path.string()).dump(-1, ' ', false, handler::replace));
}

// A line for each reason.
void print_dense(std::FILE* to, std::string_view what, const std::vector<dense_tensor>& tensors) {
  std::map<std::string, std::pair<std::size_t, std::string>> by_reason;
  for (const dense_tensor& d : tensors) {
    auto& [count, first] = by_reason[d.why];
    if (count++ == 0) first = d.name;
  }
  for (const auto& [why, which] : by_reason)
    fmt::print(to, "{}: {}{} ({})\n", what, shown(which.second),
               which.first == 1 ? "" : fmt::format(" and {} more", which.first - 1), why);
}

// The part of the layers' errors that refinements leave.
void print_errors(std::FILE* to, const tamp::prune_report& report) {
  std::size_t layers = 0, swaps = 0;
  double left = 0;
  for (const tamp::layer_report& layer : report.layers) {
    if (!layer.error) continue;
    ++layers;
    swaps += layer.error->swaps;
    left += layer.error->before == 0 ? 1 : layer.error->after / layer.error->before;
  }
  if (layers == 0) return;
  fmt::print(to, "refined {}{}: {:.1f} % of a layer's error stays on average\n",
             counted(layers, "layer"), swaps == 0 ? "" : " by " + counted(swaps, "swap"),
             100 * left / static_cast<double>(layers));
}

std::string in_megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace

void print_memory(std::FILE* to, const memory_need& need) {
  fmt::print(to, "memory: at most {} with two layers at a time and {} with one, {}\n",
             in_megabytes(need.bytes(2)), in_megabytes(need.bytes(1)), need.largest(2).what);
  if (!need.refinement) return;
  fmt::print(to, "--refine: at most {} of it, {}, with {} for the statistic of one input\n",
             in_megabytes(need.bytes_of_all + need.refinement->bytes), need.refinement->what,
             in_megabytes(need.bytes_of_statistic));
}

double sparsity_of_files(const model_files& model, const tamp::prune_report& report) {
  double numbers = 0, zeros = 0;
  for (const tensor& t : model.tensors)
    if (t.kind != number::other) numbers += static_cast<double>(t.size());
  for (const auto& layer : report.layers) zeros += static_cast<double>(layer.zeros());
  return numbers == 0 ? 0 : zeros / numbers;
}

nlohmann::ordered_json fs_state(const fs::path& path) {
  return in_sentences([&] {
    return nlohmann::ordered_json{
        {"name", as_text(fs::canonical(path))},
        {"bytes", fs::file_size(path)},
        {"changed", fs::last_write_time(path).time_since_epoch().count()}};
  });
}

nlohmann::ordered_json contents_state(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::uint64_t> words(std::size_t{1} << 17);
  tamp::fingerprint print;
  std::uint64_t bytes = 0;
  while (file) {
    std::fill(words.begin(), words.end(), std::uint64_t{0});
    file.read(reinterpret_cast<char*>(words.data()),
              static_cast<std::streamsize>(words.size() * sizeof(std::uint64_t)));
    const auto count = static_cast<std::size_t>(file.gcount());
    bytes += count;
    for (std::size_t k = 0; k < (count + 7) / 8; ++k) print.add(words[k]);
  }
  if (!file.eof()) refuse(path, "cannot be read");
  return {{"bytes", bytes}, {"fingerprint", fmt::format("{:016x}", print.value())}};
}

void print_intention(std::FILE* to, const settings& s, const model_files& model,
                     const layer_list& layers, const tamp::pruning_plan& plan) {
  std::size_t numbers = 0;
  for (const tensor& t : model.tensors)
    if (t.kind != number::other) numbers += t.size();
  fmt::print(to, "{}: {} in {}, {}, {:.1f} million numbers\n", s.model, in_megabytes(model.bytes()),
             counted(model.weights.size(), "file"), counted(model.tensors.size(), "tensor"),
             static_cast<double>(numbers) / 1e6);
  fmt::print(to, "{} in {}, {:.1f} % of the numbers: {}, sparsity {:.4f}\n",
             counted(layers.layers(), "layer"), counted(layers.blocks.size(), "block"),
             100 * static_cast<double>(layers.size()) /
                 static_cast<double>(std::max<std::size_t>(numbers, 1)),
             plan.recipe, plan.sparsity());
  print_dense(to, "left as they are", layers.dense);
  if (s.packed) print_dense(to, "pruned, and not packed", layers_not_packed(model, layers));
  for (const std::string& note : plan.notes) fmt::print(to, "{}\n", printable(note));
  if (!s.dry_run) return;
  for (const auto& layer : plan.layers)
    fmt::print(to, "  {:.4f}  {} x {}  {}\n", layer.sparsity, layer.rows, layer.cols,
               shown(layer.name));
}

void print_result(std::FILE* to, const settings& s, const model_files& model,
                  const layer_list& layers, std::uint64_t bytes_after,
                  const tamp::prune_report& report) {
  fmt::print(to, "{}: {}; sparsity {:.4f} of the layers, {:.4f} of the files\n", printable(s.out),
             report.heading(), report.achieved(), sparsity_of_files(model, report));
  print_errors(to, report);
  fmt::print(to, "{} before, {} after", in_megabytes(model.bytes()), in_megabytes(bytes_after));
  if (s.packed)
    fmt::print(to, ", packed ({:.1f} %)",
               100 * static_cast<double>(bytes_after) /
                   static_cast<double>(std::max<std::uint64_t>(model.bytes(), 1)));
  else if (const auto packed = packed_bytes(model, layers, report))
    fmt::print(to, "; {} if packed ({:.1f} %)", in_megabytes(*packed),
               100 * static_cast<double>(*packed) /
                   static_cast<double>(std::max<std::uint64_t>(model.bytes(), 1)));
  fmt::print(to, "\n");
  if (!s.retype.empty() && bytes_after > model.bytes())
    fmt::print(to,
               "larger, since --retype {} stores layers with more bits; zeros alone save no space, "
               "--structure does\n",
               s.retype);
}

int stopped_before(const output_place& place, std::FILE* errors) {
  fmt::print(errors, "Stopped. {} was not written.\n", printable(place.out.string()));
  return 130;
}

void check_printed(std::FILE* output) {
  if (std::fflush(output) != 0 || std::ferror(output) != 0)
    throw tamp::file_error(
        tamp::detail::sentence("the standard output cannot be written: ", std::strerror(errno)));
}

void save_report(const settings& s, const model_files& model, const layer_list& layers,
                 std::uint64_t bytes_after, const tamp::prune_report& report) {
  nlohmann::ordered_json json = report;
  json["model"] = as_text(s.model);
  json["out"] = as_text(s.out);
  json["bytes_before"] = model.bytes();
  json["bytes_after"] = bytes_after;
  json["packed"] = s.packed;
  if (const auto packed = packed_bytes(model, layers, report); packed && !s.packed)
    json["bytes_if_packed"] = *packed;
  json["sparsity_of_files"] = sparsity_of_files(model, report);
  const auto list = [&](const char* key, const std::vector<dense_tensor>& tensors) {
    auto& dense = json[key] = nlohmann::ordered_json::array();
    for (const dense_tensor& d : tensors)
      dense.push_back({{"name", d.name}, {"size", d.size}, {"why", d.why}});
  };
  list("dense", layers.dense);
  if (s.packed) list("not_packed", layers_not_packed(model, layers));
  tamp::detail::replaced_file file(s.report);
  file.open(json.dump(2) + '\n');
  file.commit();
}

}  // namespace tamp_prune
