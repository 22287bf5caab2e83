#pragma once

// A run of a study in a file: its options, and the versions and files that they are for.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "named_files.hpp"
#include "result_files.hpp"

namespace study {

// Options of a command line: --run reads the others from a file, --save-run writes it.
// --model-fingerprint and --data-fingerprint, which are in it, refuse other files, and --made-with
// says if another build repeats the run. --csv, --json and --markdown name the results.
class run_file {
 public:
  // `model` is the variable of --model, `data` the files that are read beside it, `others` what is
  // written beside the results, once the options are known. `places` gets the results' names and the
  // run's description.
  run_file(CLI::App& app, std::string program, const std::string& model,
           std::function<std::vector<std::string>()> data, result_places& places,
           std::function<std::vector<output_file>()> others = {});
  // Parses the command line, reads and writes the file. Ends the program on a wrong option. Throws
  // tamp::error, before it writes, if a file would replace another one or cannot be written.
  void parse(int argc, char** argv);

 private:
  void expect(const std::string& what, const std::string& given, const std::string& found) const;
  std::vector<run_option> options() const;
  std::vector<output_file> outputs() const;

  CLI::App& app_;
  std::string program_;
  const std::string& model_;
  std::function<std::vector<std::string>()> data_;
  result_places& places_;
  std::function<std::vector<output_file>()> others_;
  std::string saved_, model_fingerprint_, data_fingerprint_, made_with_;
};

}  // namespace study
