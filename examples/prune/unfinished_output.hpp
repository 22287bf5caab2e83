#pragma once

// The pruned model while it is written.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <tamp/prune/report.hpp>
#include <vector>

#include "model_files.hpp"

namespace tamp_prune {

// All files are written into a folder beside OUT, OUT.unfinished, and put in place in one step. A
// journal in it lists what is done, so that a run that was stopped, even by SIGKILL, can go on. Each
// line of the journal is written when what it tells is in the files; commit waits for the disk.
class unfinished_output {
 public:
  // `run` is what the output depends on: options, plan and sources. With `resume` an interrupted run
  // goes on, if there is one, and must have been the same. Throws tamp::file_error if OUT exists
  // already, lies inside the model or cannot be written, if the disk has no room, or if an
  // interrupted run is in the way.
  unfinished_output(const std::filesystem::path& out, const model_files& model,
                    const nlohmann::ordered_json& run, bool resume, bool overwrite);
  ~unfinished_output();
  unfinished_output(const unfinished_output&) = delete;
  unfinished_output& operator=(const unfinished_output&) = delete;

  // What an earlier run has done.
  const std::vector<tamp::layer_report>& layers_done() const { return layers_; }
  bool is_copied(std::size_t file) const { return copied_[file]; }

  void write(std::size_t file, std::uint64_t offset, std::span<const std::byte> bytes);
  void note_copied(std::size_t file);
  void note_layer(const tamp::layer_report& layer);

  // Puts the output in place.
  void commit();
  const std::filesystem::path& folder() const { return folder_; }

 private:
  void begin(const nlohmann::ordered_json& run);
  void go_on(const nlohmann::ordered_json& run);
  void create_files();
  void append(const nlohmann::ordered_json& line);
  int open_file(const std::filesystem::path& path, int flags) const;
  [[noreturn]] void fail(const std::filesystem::path& path, const char* what) const;

  std::filesystem::path out_, folder_;
  const model_files& model_;
  int journal_ = -1;
  std::vector<int> files_;
  std::vector<bool> copied_;
  std::vector<tamp::layer_report> layers_;
};

}  // namespace tamp_prune
