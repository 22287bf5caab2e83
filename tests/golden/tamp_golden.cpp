// tamp_golden DIR: checks the library against every golden file of a folder.
//
// A golden file holds inputs (in.*) and what tamp_reference.py computed from them (out.*); the
// metadata entry "case" says which algorithms. Every out.* is one check. Cases and outputs whose
// algorithm the library does not have yet are counted as skipped, by name.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <tamp/io/safetensors.hpp>
#include <vector>

#include "aligned.hpp"
#include "check_allocations.hpp"
#include "check_amia_das.hpp"
#include "check_attention.hpp"
#include "check_bitmask.hpp"
#include "check_block_influence.hpp"
#include "check_choosing.hpp"
#include "check_coverage.hpp"
#include "check_flap.hpp"
#include "check_imatrix.hpp"
#include "check_merging.hpp"
#include "check_pixel_prune.hpp"
#include "check_reach.hpp"
#include "check_reap.hpp"
#include "check_redundancy_lens.hpp"
#include "check_refinement.hpp"
#include "check_schedules.hpp"
#include "check_sparsegpt.hpp"
#include "check_video.hpp"
#include "check_visionzip.hpp"
#include "check_weights.hpp"
#include "tally.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: tamp_golden DIR\n");
    return 2;
  }
  using namespace golden;
  const std::map<std::string, void (*)(const std::string&, const safetensors_file&, tally&)> cases{
      {"weights", check_weights},
      {"owl", check_owl},
      {"alpha", check_alpha},
      {"das_allocation", check_das_allocation},
      {"amia_das", check_amia_das},
      {"attention", check_attention},
      {"bitmask", check_bitmask},
      {"block_influence", check_block_influence},
      {"imatrix", check_imatrix},
      {"redundancy_lens", check_redundancy_lens},
      {"sparsegpt", check_sparsegpt},
      {"sparse_swaps", check_sparse_swaps},
      {"dsnot", check_dsnot},
      {"visionzip", check_visionzip},
      {"merging", check_merging},
      {"choosing", check_choosing},
      {"schedules", check_schedules},
      {"video", check_video},
      {"coverage", check_coverage},
      {"pixel_prune", check_pixel_prune},
      {"reach", check_reach},
      {"flap", check_flap},
      {"reap", check_reap}};
  tally results;
  try {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
      if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
      const std::string name = path.filename().string();
      try {
        const aligned_file aligned(path);
        const safetensors_file& file = *aligned;
        const auto kind = file.metadata().find("case");
        if (kind == file.metadata().end())
          results.add(name, outcome::failed, "the metadata names no case");
        else if (const auto known = cases.find(kind->second); known != cases.end())
          known->second(name, file, results);
        else
          results.add(name, outcome::skipped, "case " + kind->second + " is not in the library");
      } catch (const std::exception& failure) {
        results.add(name, outcome::failed, failure.what());
      }
    }
  } catch (const std::exception& failure) {
    results.add(argv[1], outcome::failed, failure.what());
  }
  return results.report();
}
