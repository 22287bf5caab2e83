#include "run_file.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <tamp/model/fingerprint.hpp>
#include <tamp/version.hpp>

namespace study {
namespace {

std::string fingerprint_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw CLI::FileError("cannot read " + path);
  return fmt::format("{:016x}", tamp::fingerprint().add(content).value());
}

}  // namespace

run_file::run_file(CLI::App& app, const std::string& model) : app_(app), model_(model) {
  app.set_config("--run", "", "read options from this file, as --save-run writes it");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.add_option("--save-run", saved_, "write the options of this run to a file, for --run")
      ->configurable(false);
  app.add_option("--model-fingerprint", fingerprint_, "refuse a model file of another fingerprint");
}

void run_file::parse(int argc, char** argv) {
  try {
    app_.parse(argc, argv);
    if (saved_.empty() && fingerprint_.empty()) return;
    const std::string found = fingerprint_of_file(model_);
    if (!fingerprint_.empty() && fingerprint_ != found)
      throw CLI::ValidationError(fmt::format("{} has the fingerprint {}, and the run is for {}",
                                             model_, found, fingerprint_));
    if (!saved_.empty()) save(found);
  } catch (const CLI::ParseError& problem) {
    std::exit(app_.exit(problem));
  }
}

void run_file::save(const std::string& fingerprint) const {
  std::ofstream file(saved_);
  file << "# tamp " << TAMP_VERSION_MAJOR << '.' << TAMP_VERSION_MINOR << '.' << TAMP_VERSION_PATCH
       << ": " << app_.get_description() << '\n'
       << app_.config_to_str();
  if (fingerprint_.empty()) file << "model-fingerprint=\"" << fingerprint << "\"\n";
  if (!file.flush()) throw CLI::FileError("cannot write " + saved_);
}

}  // namespace study
