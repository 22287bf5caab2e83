// Any bytes as column norms by name: an importance matrix of llama.cpp in either form, or
// safetensors. Each is refused, or can be looked up and saved.

#include <tamp/io/norms_file.hpp>
#include <tamp/io/safetensors.hpp>

#include <cmath>

#include "files.hpp"

namespace fuzz::statistics_files {

using tamp::io::named_norms;
using tamp::io::norms_per;

void use(const named_norms& norms) {
  for (const auto& [name, of_weight] : norms) {
    const std::size_t columns = of_weight.columns, matrices = of_weight.matrices();
    check(columns != 0 && matrices != 0 && of_weight.values.size() == columns * matrices,
          "there is a norm for each column of each matrix");
    for (const float norm : of_weight.values)
      check(std::isfinite(norm) && norm >= 0, "a norm is finite and not negative");
    check(norms.contains(name), "a listed name is there");
    check(norms.of(name, columns, matrices).data() == of_weight.values.data(),
          "norms are looked up by their own shape");
    check(refusal([&] { norms.of(name, columns + 1, matrices); }).has_value(),
          "another number of columns is refused");
  }
  const auto missing = refusal([&] { norms.at("blk.0.attn_q.weight!"); });
  check(missing.has_value() || norms.contains("blk.0.attn_q.weight!"), "a missing name is refused");
  check(!missing || missing->starts_with(norms.origin()), "an error names the file");
}

void run(source& in) {
  const std::string path = file_of(in.rest());
  static const folder place;
  const auto refused = refusal([&] {
    const named_norms norms = tamp::io::read_norms(path);
    use(norms);
    // Names that are not UTF-8 cannot be saved.
    if (!refusal([&] { tamp::io::save(place / "saved", norms); })) {
      const auto again = tamp::io::read_norms(place / "saved");
      check(again == norms, "what is saved is loaded");
      check(again.about() == norms.about(), "what the file says of it, too");
    }
  });
  if (refused) check(refused->starts_with(path), "an error names the file");
  const auto per_sequence =
      refusal([&] { use(tamp::io::read_imatrix(path, norms_per::sequence)); });
  if (per_sequence) check(per_sequence->starts_with(path), "an error names the file");
}

template <class... Numbers>
std::string bytes_of_numbers(const Numbers&... numbers) {
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
  return bytes;
}
template <class Length>
std::string text_of(std::string_view text) {
  return bytes_of_numbers(static_cast<Length>(text.size())) + std::string(text);
}

std::string dat() {
  using i32 = std::int32_t;
  return bytes_of_numbers(i32{2}) + text_of<i32>("blk.0.attn_q.weight") +
         bytes_of_numbers(i32{3}, i32{2}, 1.0f, 2.0f) + text_of<i32>("w") +
         bytes_of_numbers(i32{0}, i32{1}, 1.0f) + bytes_of_numbers(i32{3}) +
         text_of<i32>("wiki.txt");
}

std::string gguf(bool with_size) {
  using u32 = std::uint32_t;
  using u64 = std::uint64_t;
  const auto text = [](std::string_view words) { return text_of<u64>(words); };
  std::string all = "GGUF" + bytes_of_numbers(u32{3}, u64{4}, u64{with_size ? 3u : 2u});
  all += text("general.type") + bytes_of_numbers(u32{8}) + text("imatrix");
  all += text("imatrix.datasets") + bytes_of_numbers(u32{9}, u32{8}, u64{1}) + text("wiki.txt");
  if (with_size) all += text("imatrix.chunk_size") + bytes_of_numbers(u32{4}, u32{512});
  const auto add = [&](std::string_view name, u64 columns, u64 rows, u64 offset) {
    all += text(name) + bytes_of_numbers(u32{2}, columns, rows, u32{0}, offset);
  };
  add("w.in_sum2", 2, 1, 0);
  add("w.counts", 1, 1, 32);
  add("experts.in_sum2", 1, 2, 64);
  add("experts.counts", 1, 2, 96);
  for (const auto& [first, second] :
       {std::pair{9.0f, 4.0f}, {2.0f, 0.0f}, {3.0f, 0.0f}, {3.0f, 0.0f}}) {
    all.resize((all.size() + 31) / 32 * 32);
    all += bytes_of_numbers(first, second);
  }
  return all;
}

std::vector<std::string> seeds() {
  const folder place;
  named_norms norms;
  norms.add("w", {1, 2, 3}, 0);
  norms.add("experts", tamp::io::weight_norms{2, {1, 2, 3, 4}, {5, 0}});
  norms.describe("text", "wiki");
  tamp::io::save(place / "seed", norms);
  tamp::io::save(place / "empty", named_norms());
  return {dat(), gguf(true), gguf(false), bytes_of(place / "seed"), bytes_of(place / "empty")};
}

const registered here("statistics_files", run, seeds);

}  // namespace fuzz::statistics_files
