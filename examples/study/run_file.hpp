#pragma once

// A run of a study in a file: its options, and the model that they are for.

#include <CLI/CLI.hpp>
#include <string>

namespace study {

// Three options of a command line: --run reads the others from a file, --save-run writes it, and
// --model-fingerprint, which is in it, refuses another model.
class run_file {
 public:
  // `model` is the variable of --model.
  run_file(CLI::App& app, const std::string& model);
  // Parses the command line, reads and writes the file. Ends the program on a wrong option.
  void parse(int argc, char** argv);

 private:
  void save(const std::string& fingerprint) const;

  CLI::App& app_;
  const std::string& model_;
  std::string saved_, fingerprint_;
};

}  // namespace study
