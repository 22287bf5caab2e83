// tamp_golden DIR: checks the library against every golden file of a folder.
//
// A golden file holds inputs (in.*) and what tamp_reference.py computed from them (out.*); the
// metadata entry "case" says which algorithms. Every out.* is one check. Cases and outputs whose
// algorithm the library does not have yet are counted as skipped, by name.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tamp/io/safetensors.hpp>
#include <tamp/tamp.hpp>
#include <vector>

namespace {

using tamp::io::safetensors_file;

enum class outcome { passed, failed, skipped };

class tally {
 public:
  void add(const std::string& check, outcome result, const std::string& why = {}) {
    ++count_[static_cast<std::size_t>(result)];
    if (result == outcome::failed) std::printf("FAILED  %s: %s\n", check.c_str(), why.c_str());
    if (result == outcome::skipped) skipped_.insert(why);
  }
  int report() const {
    for (const std::string& why : skipped_) std::printf("skipped: %s\n", why.c_str());
    std::printf("%zu passed, %zu failed, %zu skipped\n", count_[0], count_[1], count_[2]);
    return count_[1] == 0 && count_[0] != 0 ? 0 : 1;
  }

 private:
  std::size_t count_[3] = {};
  std::set<std::string> skipped_;
};

// "a.b.c" is {"a", "b", "c"}, at most `parts` of them: the last keeps its dots.
std::vector<std::string> split(std::string_view name, std::size_t parts) {
  std::vector<std::string> pieces;
  while (pieces.size() + 1 < parts && name.find('.') != name.npos) {
    pieces.emplace_back(name.substr(0, name.find('.')));
    name.remove_prefix(name.find('.') + 1);
  }
  pieces.emplace_back(name);
  return pieces;
}

std::string compare(std::span<const float> ours, std::span<const float> theirs, double tolerance) {
  if (ours.size() != theirs.size()) return "another number of values";
  for (std::size_t k = 0; k < ours.size(); ++k)
    if (std::abs(double{ours[k]} - double{theirs[k]}) > tolerance * std::abs(double{theirs[k]}))
      return tamp::detail::sentence("value ", k, " is ", ours[k], ", not ", theirs[k]);
  return {};
}

// ------------------------------------------------------------------ case "weights"

// The weight of a golden file, and what its activations say.
struct weights_case {
  explicit weights_case(const safetensors_file& file)
      : weight(file.matrix<float>("in.weight")), reference_norm(file.values<float>("out.norm")) {
    for (int batch = 0; file.contains("in.input." + std::to_string(batch)); ++batch)
      norms.add(file.matrix<float>("in.input." + std::to_string(batch)));
  }

  // Calls use(recipe) with the recipe of a pattern's name and argument; false if it is unknown.
  template <class Score, class Use>
  static bool with_recipe(Score score, const std::string& pattern, const std::string& argument,
                          Use&& use) {
    using namespace tamp::pattern;
    using tamp::compose;
    if (pattern == "per_row")
      return use(compose(score, per_row{}, tamp::allocate::uniform{std::stod(argument)})), true;
    if (pattern == "per_tensor")
      return use(compose(score, per_tensor{}, tamp::allocate::uniform{std::stod(argument)})), true;
    if (pattern != "n_of_m") return false;
    if (argument == "2:4") return use(compose(score, n_of_m<2, 4>{})), true;
    if (argument == "4:8") return use(compose(score, n_of_m<4, 8>{})), true;
    if (argument == "1:4") return use(compose(score, n_of_m<1, 4>{})), true;
    return false;
  }

  // The reference's mask must come out of its norms and of ours, of either layout of the weight,
  // and pruning must leave exactly its weights.
  template <class Recipe>
  std::string check_mask(const Recipe& recipe, tamp::matrix_view<const std::uint8_t> golden) const {
    const auto expected = tamp::mask::bitmask::from(golden);
    std::vector<float> columns(weight.size());
    const auto column_major = tamp::column_major(columns.data(), weight.rows(), weight.cols());
    for (std::size_t i = 0; i < weight.rows(); ++i)
      for (std::size_t j = 0; j < weight.cols(); ++j) column_major(i, j) = weight(i, j);
    if (tamp::select(weight, reference_norm, recipe) != expected) return "another mask";
    if (tamp::select(weight, norms, recipe) != expected) return "another mask with our own norms";
    if (tamp::select(column_major, norms, recipe) != expected) return "another mask by columns";
    std::vector<float> copy(weight.data(), weight.data() + weight.size());
    const auto pruned = tamp::view(copy, weight.rows(), weight.cols());
    tamp::prune(pruned, norms, recipe);
    for (std::size_t i = 0; i < weight.rows(); ++i)
      for (std::size_t j = 0; j < weight.cols(); ++j)
        if (pruned(i, j) != (expected(i, j) ? weight(i, j) : 0.0f)) return "other pruned weights";
    return {};
  }

  template <class Score>
  std::vector<float> scores(const Score& score) const {
    std::vector<float> all;
    for (std::size_t i = 0; i < weight.rows(); ++i)
      for (std::size_t j = 0; j < weight.cols(); ++j)
        all.push_back(tamp::detail::score_of(score, weight(i, j), reference_norm[j]));
    return all;
  }

  tamp::matrix_view<const float> weight;
  std::span<const float> reference_norm;
  tamp::stat::column_norm norms;
};

void check_weights(const std::string& path, const safetensors_file& file, tally& results) {
  const weights_case given(file);
  const auto verdict = [&](const std::string& name, const std::string& complaint) {
    results.add(path + " " + name, complaint.empty() ? outcome::passed : outcome::failed,
                complaint);
  };
  for (const auto& [name, type, shape, bytes] : file.tensors()) {
    if (!name.starts_with("out.")) continue;
    const auto key = split(name, 5);
    bool known = false;
    const auto check_score = [&](const char* kind, const auto& score) {
      if (key.size() == 3 && key[1] == "score" && key[2] == kind) {
        known = true;
        verdict(name, compare(given.scores(score), file.values<float>(name), 1e-6));
      }
      if (key.size() == 5 && key[1] == "keep" && key[2] == kind)
        known = given.with_recipe(score, key[3], key[4], [&](const auto& recipe) {
          verdict(name, given.check_mask(recipe, tamp::view(file.values<std::uint8_t>(name),
                                                            shape.at(0), shape.at(1))));
        });
    };
    check_score("magnitude", tamp::score::magnitude{});
    check_score("wanda", tamp::score::wanda{});
    if (name == "out.norm") {
      known = true;
      verdict(name, compare(given.norms.values(), given.reference_norm, 1e-5));
    }
    if (!known) results.add(path, outcome::skipped, "weights: " + name + " is not in the library");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: tamp_golden DIR\n");
    return 2;
  }
  const std::map<std::string, void (*)(const std::string&, const safetensors_file&, tally&)> cases{
      {"weights", check_weights}};
  tally results;
  try {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
      if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
      const std::string name = path.filename().string();
      try {
        const safetensors_file file(path);
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
