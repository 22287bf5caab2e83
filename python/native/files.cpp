// Pruning of models in files, as tamp_prune does it, and files of norms.

#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <filesystem>
#include <optional>
#include <string>
#include <tamp/error.hpp>
#include <vector>

#include "module.hpp"
#include "recipe.hpp"
#include "run.hpp"
#include "statistics.hpp"
#if defined(TAMP_PYTHON_WITH_JSON)
#  include <tamp/io/norms_file.hpp>
#endif
#if defined(TAMP_PYTHON_WITH_FILES)
#  include <algorithm>
#  include <cstdio>
#  include <cstdlib>
#  include <exception>
#  include <memory>
#  include <mutex>
#  include <new>
#  include <prune/prune_refined.hpp>
#  include <prune/run.hpp>
#  include <prune/run_permute.hpp>
#  include <prune/run_structure.hpp>
#  include <prune/text_norms.hpp>
#endif

namespace nb = nanobind;
using namespace nb::literals;

#if defined(TAMP_PYTHON_WITH_FILES)

// The package has no engine that could read a text.
namespace tamp_prune {
namespace {
[[noreturn]] void refuse_text() {
  throw tamp::value_error("prune_files: the package makes no statistics of a text: give norms");
}
[[noreturn]] void refuse_option(const char* option) {
  throw tamp::value_error(std::string("prune_files: the package does not ") + option);
}
}  // namespace
tamp::io::named_norms norms_of_text(const model_files&, const text_options&,
                                    const std::function<bool()>&, const team&) {
  refuse_text();
}
void check_is_read(const model_files&) { refuse_text(); }
std::uint64_t bytes_for_text(const model_files&, const text_options&) { return 0; }

// Nor does it offer what these do.
int run_structure(const settings&, const surroundings&) { refuse_option("structure"); }
int run_permute(const settings&, const surroundings&) { refuse_option("permute"); }
std::unique_ptr<layer_refiner> refiner_for(const settings&, const model_files&, std::uint64_t) {
  refuse_option("refine");
}
void complete_refined_report(const settings&, const tamp::pruning_plan&, tamp::prune_report&) {
  refuse_option("refine");
}
}  // namespace tamp_prune

#endif

namespace tamp_python {
namespace {

#if defined(TAMP_PYTHON_WITH_FILES)

// The library's progress, reported from any thread, and the callback of Python that is called
// from the thread of the run, where a signal or an exception stops it.
class watcher {
 public:
  explicit watcher(nb::object callback) : callback_(std::move(callback)) {}

  void note(std::uint64_t done, std::uint64_t all, std::string_view what) {
    const std::lock_guard lock(mutex_);
    done_ = done, all_ = all, what_ = what, is_new_ = true;
  }
  bool is_stopped() {
    if (thrown_) return true;
    const nb::gil_scoped_acquire held;
    try {
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
      tell();
    } catch (...) {
      thrown_ = std::current_exception();
    }
    return thrown_ != nullptr;
  }
  // With the GIL: calls the callback with what is left to be told.
  void tell() {
    std::uint64_t done = 0, all = 0;
    std::string what;
    {
      const std::lock_guard lock(mutex_);
      if (!is_new_ || callback_.is_none()) return;
      done = done_, all = all_, what = what_, is_new_ = false;
    }
    callback_(done, all, what);
  }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::mutex mutex_;
  std::uint64_t done_ = 0, all_ = 0;
  std::string what_;
  bool is_new_ = false;
  nb::object callback_;
  std::exception_ptr thrown_;
};

template <class Names>
void check_among(const char* what, const std::string& name, const Names& names) {
  if (std::find(std::begin(names), std::end(names), name) == std::end(names))
    tamp::detail::raise<tamp::value_error>("prune_files: the ", what, ' ', name,
                                           " is not for models in files");
}

std::string prune_files(const std::filesystem::path& model, const std::filesystem::path& out,
                        const recipe& r, const std::filesystem::path& norms,
                        const std::filesystem::path& plan, const std::filesystem::path& report,
                        const std::vector<std::string>& only,
                        const std::vector<std::string>& exclude, bool packed, bool resume,
                        bool overwrite, const nb::object& on_progress) {
  tamp_prune::settings s;
  s.model = model.string(), s.out = out.string();
  s.score = r.score, s.has_named_score = true;
  s.allocate = r.allocate, s.pattern = r.pattern;
  check_among("score", r.score, std::initializer_list<const char*>{"magnitude", "wanda", "ria"});
  check_among("allocation", r.allocate,
              std::initializer_list<const char*>{"uniform", "owl", "erk", "lamp"});
  s.statistics = norms.string(), s.plan = plan.string(), s.report = report.string();
  if (!r.sparsity_is_fixed() && s.plan.empty()) s.sparsity = r.sparsity;
  if (s.score != "magnitude" && s.statistics.empty())
    tamp::detail::raise<tamp::value_error>("prune_files: the score ", s.score,
                                           " reads column norms: give a file of norms");
  if (s.score == "magnitude" && !s.statistics.empty())
    tamp::detail::raise<tamp::value_error>("prune_files: the score magnitude reads no norms");
  s.names.only = only, s.names.exclude = exclude;
  s.threads = threads, s.packed = packed, s.resume = resume, s.overwrite = overwrite;

  watcher progress(on_progress);
  char* text = nullptr;
  std::size_t length = 0;
  std::FILE* const printed = open_memstream(&text, &length);
  if (printed == nullptr) throw std::bad_alloc();
  tamp_prune::surroundings around;
  around.output = around.errors = printed;
  around.is_stopped = [&] { return progress.is_stopped(); };
  around.on_progress = [&](std::uint64_t done, std::uint64_t all, std::string_view what) {
    progress.note(done, all, what);
  };
  std::exception_ptr problem;
  without_gil([&] {
    try {
      tamp_prune::run(s, around);
    } catch (const std::filesystem::filesystem_error& e) {
      problem = std::make_exception_ptr(
          tamp::file_error(tamp::detail::sentence(e.path1().string(), ": ", e.code().message())));
    } catch (...) {
      problem = std::current_exception();
    }
    return 0;
  });
  std::fclose(printed);
  const std::string summary(text, length);
  std::free(text);
  progress.rethrow();
  if (problem) std::rethrow_exception(problem);
  progress.tell();
  return summary;
}

#else

std::string prune_files(const std::filesystem::path&, const std::filesystem::path&, const recipe&,
                        const std::filesystem::path&, const std::filesystem::path&,
                        const std::filesystem::path&, const std::vector<std::string>&,
                        const std::vector<std::string>&, bool, bool, bool, const nb::object&) {
  tamp::detail::raise<tamp::error>(
      "prune_files: this package was built without OpenMP, nlohmann-json or fmt: install them and "
      "build it anew, or use the program tamp_prune");
}

#endif

void save_norms([[maybe_unused]] const std::filesystem::path& path,
                [[maybe_unused]] const nb::dict& statistics) {
#if defined(TAMP_PYTHON_WITH_JSON)
  tamp::io::named_norms norms;
  for (const auto [name, statistic] : statistics) {
    if (!nb::isinstance<tamp::stat::column_norm>(statistic))
      throw nb::type_error("save_norms: the statistics are tamp.ColumnNorm by names of weights");
    const auto& seen = nb::cast<const tamp::stat::column_norm&>(statistic);
    norms.add(nb::cast<std::string>(name), seen.values(), seen.tokens());
  }
  tamp::io::save(path, norms);
#else
  tamp::detail::raise<tamp::error>(
      "save_norms: this package was built without nlohmann-json, which files need: install it and "
      "build the package anew");
#endif
}

}  // namespace

void bind_files(nb::module_& m) {
  m.def(
      "save_norms", &save_norms, "path"_a, "statistics"_a,
      nb::sig("def save_norms(path: str | os.PathLike[str], statistics: dict[str, ColumnNorm]) -> "
              "None"),
      R"(Writes column norms by the names of weights into a safetensors file, for prune_files and
tamp_prune.

Raises FileError if the file cannot be written.)");
  m.def("_prune_files", &prune_files, "model"_a, "out"_a, "recipe"_a, "norms"_a, "plan"_a,
        "report"_a, "only"_a, "exclude"_a, "packed"_a, "resume"_a, "overwrite"_a,
        "on_progress"_a.none(), "Prunes a model in files, for tamp.prune_files.");
}

}  // namespace tamp_python
