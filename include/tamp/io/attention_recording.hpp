#pragma once

/// @file
/// Recorded attention in a safetensors file, for models and calibration sets whose recording does
/// not fit into memory. Needs nlohmann-json (CMake: tamp::safetensors).

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../detail/number_range.hpp"
#include "../element.hpp"
#include "../error.hpp"
#include "../token/attention_record.hpp"
#include "safetensors_file.hpp"
#include "safetensors_writer.hpp"
#include "save_load.hpp"

namespace tamp::inline TAMP_FLAGS::io {
namespace detail {

inline std::string record_name(std::size_t sample, std::size_t layer, const char* part) {
  return tamp::detail::sentence(sample, '.', layer, '.', part);
}

/// visual * visual, or the largest number there is if that is too small for it.
inline std::size_t pairs(std::size_t visual) {
  const std::size_t extents[] = {visual, visual};
  return product(extents);
}

}  // namespace detail

/// Writes records to disk one after another. Only one of them is in memory at any time.
///
///     io::attention_recorder out("attention.safetensors", visual_tokens, layers);
///     // for each sample, for each layer: out.add(token::attention_record::of(context));
///     out.commit();
///
/// In the file: SAMPLE.LAYER.cross, F64 (visual,), and SAMPLE.LAYER.self, F32 (visual, visual).
class attention_recorder {
 public:
  /// @throws file_error if the file cannot be created, or cannot describe so many records
  attention_recorder(const std::filesystem::path& path, std::vector<std::size_t> visual_tokens,
                     std::size_t layers)
      : name_(path.string()),
        visual_tokens_(std::move(visual_tokens)),
        layers_(layers),
        out_(path, declarations(path), {{"tamp_attention_recording", "1"}}) {}

  /// Adds the next layer of a sample, or the first one of the next sample.
  /// @throws shape_error if there is no further one, or it has another number of visual tokens
  /// @throws value_error if an attention is negative or not finite
  /// @throws file_error if the disk is full
  void add(const token::attention_record& record) {
    const std::size_t samples = visual_tokens_.size();
    const std::size_t sample = layers_ == 0 ? samples : added_ / layers_;
    if (sample >= samples)
      tamp::detail::raise<shape_error>("attention_recorder: all ", samples, " samples of ", layers_,
                                       " layers are there already");
    const std::size_t layer = added_ % layers_, visual = visual_tokens_[sample];
    if (record.cross.size() != visual || record.self.size() != detail::pairs(visual))
      tamp::detail::raise<shape_error>(
          "attention_recorder: layer ", layer, " of sample ", sample, " has ", record.cross.size(),
          " visual tokens and ", record.self.size(), " numbers among them, not those of ", visual);
    check_numbers(sample, layer, std::span(record.cross));
    check_numbers(sample, layer, std::span(record.self));
    out_.write<double>(detail::record_name(sample, layer, "cross"), record.cross);
    out_.write<float>(detail::record_name(sample, layer, "self"), record.self);
    ++added_;
  }

  /// Makes the file appear under its name, in one step.
  /// @throws file_error if records are missing or the disk is full
  void commit() {
    // A record without tokens leaves no tensor incomplete.
    if (const std::size_t records = layers_ * visual_tokens_.size(); added_ != records)
      tamp::detail::raise<file_error>(name_, ": has ", added_, " of ", records, " records");
    out_.commit();
  }

 private:
  template <class Number>
  static void check_numbers(std::size_t sample, std::size_t layer,
                            std::span<const Number> numbers) {
    for (const Number a : numbers)
      if (!tamp::detail::is_nonnegative(a))
        tamp::detail::raise<value_error>("attention_recorder: layer ", layer, " of sample ", sample,
                                         " has an attention of ", a);
  }
  std::vector<declaration> declarations(const std::filesystem::path& path) const {
    constexpr std::uint64_t least = 50;  // bytes of a header that describe a tensor
    if (const std::size_t extents[] = {2, visual_tokens_.size(), layers_};
        detail::product(extents) > detail::longest_header / least)
      tamp::detail::raise<file_error>(path.string(), ": ", visual_tokens_.size(), " samples of ",
                                      layers_, " layers are more than a file can describe");
    std::vector<declaration> all;
    for (std::size_t s = 0; s < visual_tokens_.size(); ++s)
      for (std::size_t l = 0; l < layers_; ++l) {
        const std::size_t visual = visual_tokens_[s];
        all.push_back({detail::record_name(s, l, "cross"), dtype::f64, {visual}});
        all.push_back({detail::record_name(s, l, "self"), dtype::f32, {visual, visual}});
      }
    return all;
  }

  std::string name_;
  std::vector<std::size_t> visual_tokens_;
  std::size_t layers_, added_ = 0;
  safetensors_writer out_;
};

/// A recording in a file that is mapped into memory, for token::fitprune_fit. The system keeps in
/// memory what there is room for.
class attention_recording {
 public:
  /// @throws file_error if the file cannot be read or is no recording, or an attention in it is
  ///         negative or not finite
  explicit attention_recording(const std::filesystem::path& path)
      : name_(path.string()), file_(path) {
    const auto version = file_.metadata().find("tamp_attention_recording");
    if (version == file_.metadata().end() || version->second != "1")
      refuse("is no attention recording of version 1");
    while (file_.contains(detail::record_name(0, layers_, "cross"))) ++layers_;
    for (std::size_t s = 0; file_.contains(detail::record_name(s, 0, "cross")); ++s)
      visual_tokens_.push_back(file_.values<double>(detail::record_name(s, 0, "cross")).size());
    if (file_.tensors().size() != 2 * layers_ * visual_tokens_.size())
      refuse("holds ", file_.tensors().size(), " tensors, not two for each of ", layers_,
             " layers of ", visual_tokens_.size(), " samples");
    for (std::size_t s = 0; s < samples(); ++s)
      for (std::size_t l = 0; l < layers_; ++l) {
        const auto cross = file_.values<double>(detail::record_name(s, l, "cross"));
        const auto self = file_.values<float>(detail::record_name(s, l, "self"));
        check_size(s, l, "cross", cross.size(), visual_tokens_[s]);
        check_size(s, l, "self", self.size(), detail::pairs(visual_tokens_[s]));
        check_numbers(s, l, "cross", cross);
        check_numbers(s, l, "self", self);
      }
  }

  std::size_t samples() const noexcept { return visual_tokens_.size(); }
  std::size_t layers() const noexcept { return layers_; }
  const std::vector<std::size_t>& visual_tokens() const noexcept { return visual_tokens_; }

  /// A copy of one record.
  /// @throws file_error if there is no such sample or layer
  token::attention_record at(std::size_t sample, std::size_t layer) const {
    const auto cross = file_.values<double>(detail::record_name(sample, layer, "cross"));
    const auto self = file_.values<float>(detail::record_name(sample, layer, "self"));
    return {{cross.begin(), cross.end()}, {self.begin(), self.end()}};
  }
  token::received_attention operator()(std::size_t sample, std::size_t layer,
                                       std::span<const std::size_t> left) const {
    return token::received(file_.values<double>(detail::record_name(sample, layer, "cross")),
                           file_.values<float>(detail::record_name(sample, layer, "self")), left);
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    tamp::detail::raise<file_error>(name_, ": ", parts...);
  }
  void check_size(std::size_t sample, std::size_t layer, const char* part, std::size_t size,
                  std::size_t expected) const {
    if (size != expected)
      refuse("tensor '", detail::record_name(sample, layer, part), "' holds ", size,
             " numbers instead of ", expected);
  }
  template <class Number>
  void check_numbers(std::size_t sample, std::size_t layer, const char* part,
                     std::span<const Number> numbers) const {
    for (const Number a : numbers)
      if (!tamp::detail::is_nonnegative(a))
        refuse("tensor '", detail::record_name(sample, layer, part), "' holds an attention of ", a);
  }

  std::string name_;
  safetensors_file file_;
  std::size_t layers_ = 0;
  std::vector<std::size_t> visual_tokens_;
};

}  // namespace tamp::inline TAMP_FLAGS::io

namespace tamp::inline TAMP_FLAGS::detail {

/// A recording that is in memory. Its complete samples are saved, and loaded into memory again;
/// io::attention_recording reads the same file without loading it. A recording without a sample is
/// refused: its file has no number of layers.
template <>
struct file_format<token::attention_recording> {
  static void save(const std::filesystem::path& path, const token::attention_recording& recording) {
    check_samples(path, recording.samples());
    io::attention_recorder out(path, recording.visual_tokens(), recording.layers());
    for (std::size_t s = 0; s < recording.samples(); ++s)
      for (std::size_t l = 0; l < recording.layers(); ++l) out.add(recording.at(s, l));
    out.commit();
  }

  static token::attention_recording load(const std::filesystem::path& path) {
    const io::attention_recording file(path);
    check_samples(path, file.samples());
    token::attention_recording recording(file.layers());
    for (std::size_t s = 0; s < file.samples(); ++s)
      for (std::size_t l = 0; l < file.layers(); ++l) recording.add(file.at(s, l));
    return recording;
  }

 private:
  static void check_samples(const std::filesystem::path& path, std::size_t samples) {
    if (samples == 0)
      raise<file_error>(path.string(), ": holds no sample, and so no number of layers");
  }
};

}  // namespace tamp::inline TAMP_FLAGS::detail
