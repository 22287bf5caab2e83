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
#include "output_place.hpp"
#include "owned_file.hpp"
#include "team.hpp"

namespace tamp_prune {

// All files are written into a folder beside OUT, OUT.unfinished, and put in place in one step. A
// journal in it lists what is done, so that a run that was stopped can go on. Each line of the
// journal is written when what it tells is in the files.
//
// A run that is stopped at any moment, be it by SIGKILL, loses the layer it was at. If the system
// stops (power, kernel), files and journal may have reached the disk in any order: what was written
// since the last line `synced` is done again, `sync_after` bytes and a layer at most. commit waits
// for the disk before it puts the output in place.
//
// The ranks of a team write into the same files, and each has a journal of its own: `journal` is
// the first one's, `journal.1` and so on are those of the others. What is done is what any of them
// says, so that any number of ranks can go on.
class unfinished_output {
 public:
  // `sizes` are those of the files of weights that are written. `run` is what the output depends
  // on: options, plan and sources. With `resume` an interrupted run goes on, if there is one, and
  // must have been the same. With `packed` the caller makes files of the same names of the pruned
  // ones, in place().packed(), which are put in place instead, and need `packed_bytes` beside.
  // Throws tamp::file_error as place_of does, if the disk has no room, or if the journal or the
  // files are damaged. Nothing of a new run is left then. Collective; the first rank alone looks at
  // `run` and at what is there.
  unfinished_output(const std::filesystem::path& out, const model_files& model,
                    std::vector<std::uint64_t> sizes, const nlohmann::ordered_json& run,
                    bool resume, bool overwrite, bool packed = false,
                    std::uint64_t packed_bytes = 0, const team& ranks = {});
  unfinished_output(const unfinished_output&) = delete;
  unfinished_output& operator=(const unfinished_output&) = delete;

  // The layers that an earlier run has done, on all of its ranks.
  const std::vector<tamp::layer_report>& layers_done() const { return layers_; }
  bool is_copied(std::size_t file) const { return copied_[file]; }

  void write(std::size_t file, std::uint64_t offset, std::span<const std::byte> bytes);
  void note_copied(std::size_t file);
  void note_layer(const tamp::layer_report& layer);

  // The file of masks that was written, as fs_state has it; null if there is none.
  const nlohmann::ordered_json& masks_written() const { return masks_; }
  void note_masks(const nlohmann::ordered_json& state);

  // True if all is on the disk, and need only be put in place, or is there.
  bool is_complete() const { return is_complete_; }
  // Waits until all that this rank of several wrote is where the first one can read it.
  void sync();
  // Puts the output in place, unless an earlier run has done so. This and what follows is for the
  // first rank, after all have written and synced.
  void commit();
  // Removes the journals: nothing is left to do.
  void remove_journal();
  const output_place& place() const { return place_; }
  // OUT.unfinished
  const std::filesystem::path& folder() const { return place_.unfinished; }

  std::uint64_t sync_after = std::uint64_t{1} << 32;

 private:
  using json = nlohmann::ordered_json;

  void begin_or_go_on(const std::filesystem::path& out, const json& run, bool resume,
                      bool overwrite);
  void share_state();
  void join();
  void lock(const std::filesystem::path& out, bool overwrite);
  void begin(const json& run);
  void go_on(const json& run);
  void take_journals_of_others();
  void check_run(const json& begun, const json& run) const;
  void take(const std::filesystem::path& journal, std::size_t k, const json& line);
  void create_files();
  void open_files();
  void copy_others(bool all);
  void note(const json& line);
  void note_synced();
  void append(const json& line);
  void sync_files();
  void put_in_place();
  [[noreturn]] void fail(const std::filesystem::path& path, const char* what) const;

  team ranks_;
  std::vector<std::string> starts_;  // of the systems that the ranks run on
  output_place place_;
  const model_files& model_;
  std::vector<std::uint64_t> sizes_;
  std::uint64_t packed_bytes_;
  bool may_replace_;
  owned_file journal_;  // this rank's
  std::vector<owned_file> files_;
  std::vector<bool> copied_;
  std::vector<tamp::layer_report> layers_;
  json masks_;
  std::uint64_t unsynced_ = 0;  // bytes
  bool is_complete_ = false;    // all is on the disk
};

}  // namespace tamp_prune
