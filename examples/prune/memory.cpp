#include "memory.hpp"

#include <omp.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <string>
#include <tamp/error.hpp>
#include <tamp/mask/bitmask.hpp>
#include <utility>

#include "input_statistics.hpp"
#include "packed_files.hpp"
#include "refinement.hpp"
#include "sentences.hpp"
#include "text_norms.hpp"

namespace tamp_prune {
namespace {

constexpr std::uint64_t kibibyte = 1024, mebibyte = 1024 * kibibyte;

// The program, its libraries and buffers, and the header of a GGUF file with a large vocabulary.
constexpr std::uint64_t program = 64 * mebibyte;
constexpr std::uint64_t each_thread = mebibyte;
// The names, shapes and places of a tensor in the lists of model, plan, report and journal.
constexpr std::uint64_t each_tensor = 4 * kibibyte;
// Of a column of norms: as read, and its square twice, while one list is made of another.
constexpr std::uint64_t each_norm = sizeof(float) + 2 * sizeof(double);

std::uint64_t threads_of(const settings& s) {
  return static_cast<std::uint64_t>(s.threads > 0 ? s.threads : omp_get_max_threads());
}

// Numbers are pruned as float, and those of double as double.
std::uint64_t bytes_of_number(const tensor& t) {
  return t.kind == number::f64 ? sizeof(double) : sizeof(float);
}

std::uint64_t bytes_of_mask(const layer& l) {
  return l.rows * ((l.cols + tamp::mask::word_bits - 1) / tamp::mask::word_bits) *
         sizeof(tamp::mask::word);
}

bool is_retyped(const tensor& t, const layer& l) { return l.new_type != t.ggml_type; }

// A layer where it is read, and where it is retyped.
std::uint64_t bytes_in_place(const tensor& t, const layer& l) {
  return l.length + (is_retyped(t, l) ? l.new_length + l.rows : 0);
}

// The rows that each thread reads and scores. Of a weight that is stored as (in, out), some rows
// are turned at a time.
std::uint64_t bytes_of_rows(const settings& s, const tensor& t, const layer& l) {
  constexpr std::uint64_t most_turned = 128, others = 4;
  return threads_of(s) * l.cols * bytes_of_number(t) * (l.is_transposed ? most_turned : others);
}

// The sums of rows and columns that RIA makes. Those of columns are made for slices of rows.
std::uint64_t bytes_of_sums(const tensor& t, const layer& l) {
  constexpr std::uint64_t slice = 256;
  return (l.rows / slice + 1) * l.cols * sizeof(double) +
         (l.rows + 2 * l.cols) * bytes_of_number(t);
}

// The memory to choose and drop the weights of a layer. The scores that per_tensor has in doubt
// are a quarter of all at most, in four copies.
std::uint64_t bytes_to_prune(const settings& s, const tensor& t, const layer& l) {
  std::uint64_t bytes = bytes_of_mask(l) + bytes_of_rows(s, t, l);
  if (s.score == "ria") bytes += bytes_of_sums(t, l);
  if (s.is_block())  // a mean and a place for each block of 16
    bytes += (l.size() / 16 + l.rows + l.cols) * (sizeof(double) + sizeof(std::size_t) + 1);
  if (s.pattern == "per_tensor") bytes += 2 * bytes_of_mask(l) + l.size() * bytes_of_number(t);
  return bytes;
}

// The statistic of a layer's input that its refinement reads.
std::uint64_t bytes_of_statistic(const settings& s, const layer& l) {
  return refinement_of(s.refine).reads_grams()
             ? tamp_prune::bytes_of_statistic<tamp::stat::gram>(l.cols)
             : tamp_prune::bytes_of_statistic<tamp::stat::sequence_moments>(l.cols);
}

// The copies that a refinement makes of a layer, in double: of the statistic, of the same packed for
// products, of 1,024 rows, and of some rows for each thread. Repair factors the matrix, which takes
// three, and has a copy of the weights.
std::uint64_t bytes_to_refine(const settings& s, const tensor& t, const layer& l) {
  constexpr std::uint64_t rows_together = 1024, rows_of_thread = 24;
  const std::uint64_t matrices = refinement_of(s.refine).repairs ? 5 : 2;
  const std::uint64_t rows = rows_together + rows_of_thread * threads_of(s);
  return matrices * bytes_of_statistic(s, l) + rows * l.cols * sizeof(double) +
         3 * bytes_of_mask(l) + l.rows * 4 * sizeof(double) +
         (refinement_of(s.refine).repairs ? l.size() * (sizeof(double) + bytes_of_number(t)) : 0);
}

// The memory of an allocation, of a layer or of a block. OWL keeps the scores near its threshold,
// which are counted as a sixteenth of all, twice.
std::uint64_t bytes_to_plan(const settings& s, const tensor& t, const layer& l, const block& b) {
  if (s.allocate == "lamp")
    return 48 * mebibyte + 2 * l.size() * bytes_of_number(t) + bytes_of_rows(s, t, l);
  std::uint64_t numbers = 0;
  for (const layer& other : b.layers) numbers += other.size();
  return bytes_of_rows(s, t, l) + (s.score == "ria" ? bytes_of_sums(t, l) : 0) +
         l.rows * sizeof(double) + numbers / 16 * sizeof(double) * 2;
}

// The dense tensor, its kept weights and what says where they are.
std::uint64_t bytes_to_pack(const layer& l) {
  return 2 * l.length + 2 * bytes_of_mask(l) + l.rows * sizeof(std::int64_t) + 2 * mebibyte;
}

// A step that is made layer by layer. It is named after the layer that needs most.
template <class Bytes>
step_memory step_of(const std::string& what, const model_files& model, const layer_list& layers,
                    const Bytes& bytes) {
  step_memory step;
  std::uint64_t most = 0;
  for (const block& b : layers.blocks)
    for (const layer& l : b.layers) {
      const std::uint64_t needed = bytes(l, b),
                          in_all = needed + bytes_in_place(model.tensors[l.tensor], l);
      if (in_all > most) step.what = tamp::detail::sentence(what, ' ', l.name);
      most = std::max(most, in_all);
      step.bytes = std::max(step.bytes, needed);
    }
  return step;
}

}  // namespace

std::uint64_t bytes_of(std::string_view text) {
  const auto refuse_text = [&](std::string_view why) {
    throw tamp::value_error(tamp::detail::sentence("--memory: '", printable(text), "' ", why));
  };
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, number);
  if (problem == std::errc::result_out_of_range) refuse_text("is too large");
  std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  constexpr std::string_view units = "KMGT";
  const std::size_t power = unit.empty() ? 0 : units.find(unit[0]) + 1;
  const bool is_unit = unit.empty() || (power != 0 && (unit.size() == 1 || unit.substr(1) == "iB"));
  if (problem != std::errc() || !is_unit || number == 0)
    refuse_text("is no number of bytes, such as 500000000, 500M or 4GiB");
  for (std::size_t k = 0; k < power; ++k) {
    if (number > std::numeric_limits<std::uint64_t>::max() / kibibyte) refuse_text("is too large");
    number *= kibibyte;
  }
  return number;
}

const step_memory& memory_need::largest(std::size_t places) const {
  return *std::max_element(
      steps.begin(), steps.end(), [&](const step_memory& a, const step_memory& b) {
        return a.bytes + places * a.bytes_of_place < b.bytes + places * b.bytes_of_place;
      });
}
std::uint64_t memory_need::bytes(std::size_t places) const {
  const step_memory& step = largest(places);
  return bytes_of_all + step.bytes + places * step.bytes_of_place;
}

memory_need need_of(const settings& s, const model_files& model, const layer_list& layers,
                    const layout& files) {
  const auto tensor_of = [&](const layer& l) -> const tensor& { return model.tensors[l.tensor]; };
  memory_need need;
  need.bytes_of_all = program + threads_of(s) * each_thread +
                      (model.tensors.size() + layers.layers()) * each_tensor;
  for (const file_layout& file : files) need.bytes_of_all += file.header.size();
  std::uint64_t stored = 0, retyped = 0;
  layers.visit([&](const layer& l) {
    stored = std::max(stored, l.length);
    if (is_retyped(tensor_of(l), l)) retyped = std::max(retyped, l.new_length + l.rows);
    if (s.has_statistics()) need.bytes_of_all += l.cols * each_norm;
  });
  const std::uint64_t place = stored + retyped;
  // The file is mapped, and a copy of its numbers made. Of a calibration that refinements read, it is
  // one statistic at a time, which is less than they need.
  if (!s.statistics.empty() && s.refine.empty())
    need.bytes_of_all += 2 * in_sentences([&] { return std::filesystem::file_size(s.statistics); });

  const auto add = [&](const std::string& what, std::uint64_t of_place, const auto& bytes) {
    need.steps.push_back(step_of(what, model, layers, bytes));
    need.steps.back().bytes_of_place = of_place;
  };
  if (!s.text.empty())
    need.steps.push_back({"to send the text through " + s.model,
                          bytes_for_text(model, {.text = s.text, .threads = s.threads}), 0});
  if (s.plan.empty() && (s.allocate == "lamp" || s.allocate == "owl"))
    add("to plan with", place,
        [&](const layer& l, const block& b) { return bytes_to_plan(s, tensor_of(l), l, b); });
  add("to prune", place,
      [&](const layer& l, const block&) { return bytes_to_prune(s, tensor_of(l), l); });
  if (!s.refine.empty()) {
    const std::uint64_t model_in_engine =
        s.text.empty() ? 0 : bytes_for_text(model, {.text = s.text, .threads = s.threads});
    layers.visit([&](const layer& l) {
      need.bytes_of_statistic = std::max(need.bytes_of_statistic, bytes_of_statistic(s, l));
    });
    step_memory step = step_of("to refine", model, layers, [&](const layer& l, const block&) {
      return bytes_to_refine(s, tensor_of(l), l) + bytes_to_prune(s, tensor_of(l), l);
    });
    step.bytes += model_in_engine + need.bytes_of_statistic + place;
    need.steps.push_back(step);
    need.refinement = step;
  }
  // No layer has a place any more.
  if (!s.masks.empty())
    add("to write the mask of", 0,
        [](const layer& l, const block&) { return l.new_length + bytes_of_mask(l); });
  if (s.packed) add("to pack", 0, [](const layer& l, const block&) { return bytes_to_pack(l); });
  return need;
}

std::uint64_t room_for_statistics(std::uint64_t bound, const memory_need& need) {
  const std::uint64_t others =
      need.bytes_of_all + need.refinement.value().bytes - need.bytes_of_statistic;
  return bound - std::min(bound, others);
}

std::size_t places_within(std::uint64_t bound, const memory_need& need) {
  if (need.bytes(2) <= bound) return 2;
  if (need.bytes(1) <= bound) return 1;
  throw tamp::value_error(
      tamp::detail::sentence("--memory: ", need.largest(1).what, ", the run needs ", need.bytes(1),
                             " bytes with one layer at a time, and may use ", bound));
}

}  // namespace tamp_prune
