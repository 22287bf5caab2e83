#include "run_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>
#include <tamp/error.hpp>
#include <tamp/model/fingerprint.hpp>
#include <utility>

#include "command_line.hpp"
#include "csv_file.hpp"
#include "toml_text.hpp"

namespace study {
namespace {

// Of the contents, in this order.
std::string fingerprint_of_files(const std::vector<std::string>& paths) {
  tamp::fingerprint all;
  for (const std::string& path : paths) {
    std::error_code problem;
    if (std::filesystem::is_other(std::filesystem::status(path, problem)))
      throw CLI::FileError(path + " can be read once, and files of results have its fingerprint");
    std::ifstream file(path, std::ios::binary);
    const auto size = std::filesystem::file_size(path, problem);
    std::string content(problem ? 0 : size, '\0');
    if (problem || !file.read(content.data(), static_cast<std::streamsize>(size)))
      throw CLI::FileError("cannot read " + path);
    all.add(content);
  }
  return fmt::format("{:016x}", all.value());
}

// The options of a file as toml_text() and toml_reader have them: CLI11 itself ends texts at a #, and
// leaves escapes as they are.
class options_of_file : public CLI::Config {
 public:
  explicit options_of_file(const CLI::App& app) : app_(app) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& file) const override {
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::vector<CLI::ConfigItem> items;
    for (toml_option& option : read(text)) {
      if (app_.get_option_no_throw("--" + option.name) == nullptr)
        throw CLI::ConfigError("--run: " + no_option(app_, option.name, option.name, ""));
      items.push_back({{}, std::move(option.name), std::move(option.values)});
    }
    return items;
  }
  // Files are written by run_text.
  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return ""; }

 private:
  static std::vector<toml_option> read(const std::string& text) {
    try {
      return toml_reader(text).read();
    } catch (const tamp::value_error& problem) {
      throw CLI::ConfigError(std::string("--run: ") + problem.what());
    }
  }

  const CLI::App& app_;
};

// What stands in the file anew: the run's options are the others.
constexpr const char* described[]{"model-fingerprint", "data-fingerprint", "made-with"};

bool is_described(const std::string& name) {
  return std::find(std::begin(described), std::end(described), name) != std::end(described);
}

// The values of an option, or its default: "[0.3,0.5]" is a list, "[]" stands for none.
std::vector<std::string> values_of(const CLI::Option& option, bool is_list) {
  std::vector<std::string> values = option.reduced_results();
  std::string text = option.get_default_str();
  if (!values.empty() || text.empty()) return values;
  if (!is_list) return {text};
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  if (text.empty()) return {};
  return CLI::detail::split(text, ',');
}

bool is_number(const CLI::Option& option) {
  for (const char* type : {"INT", "UINT", "FLOAT"})
    if (option.get_type_name().starts_with(type)) return true;
  return false;
}

}  // namespace

run_file::run_file(CLI::App& app, std::string program, const std::string& model,
                   std::function<std::vector<std::string>()> data, result_places& places,
                   std::function<std::vector<output_file>()> others)
    : app_(app),
      program_(std::move(program)),
      model_(model),
      data_(std::move(data)),
      places_(places),
      others_(std::move(others)) {
  app.set_config("--run", "", "read options from this file, as --save-run writes it");
  app.config_formatter(std::make_shared<options_of_file>(app));
  app.failure_message(sentences_of_failure);
  app.add_option("--save-run", saved_, "write the options of this run to a file, for --run")
      ->configurable(false);
  app.add_option("--model-fingerprint", model_fingerprint_,
                 "refuse a model file of another fingerprint");
  app.add_option("--data-fingerprint", data_fingerprint_,
                 "refuse scenes or prose of another fingerprint");
  app.add_option("--made-with", made_with_, "say so if these are not this program's versions");
  app.add_option("--csv", places.csv, "write the rows to this CSV file, too");
  app.add_option("--json", places.json, "write the run and all rows to this file at the end");
  app.add_option("--markdown", places.markdown,
                 "write a table of all rows, and the run, to this file at the end");
}

void run_file::parse(int argc, char** argv) {
  try {
    app_.parse(argc, argv);
    std::vector<std::string> inputs = data_();
    inputs.push_back(model_);
    inputs.push_back(app_.get_config_ptr()->as<std::string>());
    refuse_replacing(inputs, outputs());
    refuse_unwritable(outputs());
    places_.run = {program_, versions(), {}};
    const bool is_kept = !saved_.empty() || !places_.csv.empty() || !places_.json.empty() ||
                         !places_.markdown.empty();
    if (is_kept || !model_fingerprint_.empty() || !data_fingerprint_.empty()) {
      const std::vector<std::string> found{fingerprint_of_files({model_}),
                                           fingerprint_of_files(data_()), places_.run.made_with};
      expect(model_, model_fingerprint_, found[0]);
      expect(fmt::format("the data ({})", CLI::detail::join(data_(), ", ")), data_fingerprint_,
             found[1]);
      places_.run.model_fingerprint = found[0];
      places_.run.data_fingerprint = found[1];
      places_.run.options = options();
      for (std::size_t k = 0; k < found.size(); ++k)
        places_.run.options.push_back({described[k], {found[k]}});
    }
    if (!made_with_.empty() && made_with_ != places_.run.made_with)
      fmt::print(stderr, "{}: the run was made with {}, and this is {}: last digits may differ\n",
                 program_, made_with_, places_.run.made_with);
    if (!saved_.empty()) write_whole(saved_, run_text(places_.run));
  } catch (const CLI::ParseError& problem) {
    std::exit(app_.exit(problem));
  }
}

void run_file::expect(const std::string& what, const std::string& given,
                      const std::string& found) const {
  if (!given.empty() && given != found)
    throw CLI::ValidationError(
        fmt::format("{} has the fingerprint {}, and the run is for {}", what, found, given));
}

std::vector<run_option> run_file::options() const {
  std::vector<run_option> all;
  for (const CLI::Option* option : std::as_const(app_).get_options({})) {
    const std::string name = option->get_single_name();
    if (!option->get_configurable() || is_described(name)) continue;
    const bool is_list = option->get_items_expected_max() > 1;
    std::vector<std::string> values = values_of(*option, is_list);
    if (!values.empty()) all.push_back({name, std::move(values), is_number(*option), is_list});
  }
  return all;
}

std::vector<output_file> run_file::outputs() const {
  std::vector<output_file> all{{"--save-run", saved_},
                               {"--csv", places_.csv, written::by_rows},
                               {"--json", places_.json},
                               {"--markdown", places_.markdown}};
  if (!others_) return all;
  for (output_file& other : others_()) all.push_back(std::move(other));
  return all;
}

}  // namespace study
