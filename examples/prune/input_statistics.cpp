#include "input_statistics.hpp"

#include <array>
#include <llama/model.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tamp/execute/openmp.hpp>
#include <tamp/io/layer_statistics.hpp>
#include <tamp/model/observable.hpp>
#include <utility>

#include "sentences.hpp"
#include "text_model.hpp"

namespace tamp_prune {
namespace {

// Hosts often name their layers without ".weight".
template <class Find>
auto find_either(std::string_view name, const Find& find) {
  constexpr std::string_view ending = ".weight";
  const auto found = find(name);
  if (found || !name.ends_with(ending)) return found;
  return find(name.substr(0, name.size() - ending.size()));
}

// From a calibration file.
template <class Statistic>
class statistics_in_file : public input_statistics<Statistic> {
 public:
  explicit statistics_in_file(const std::string& path) : path_(path), layers_(path) {}

  std::size_t input_of(const layer& l) const override {
    const auto found =
        find_either(l.name, [&](std::string_view name) { return layers_.find(name); });
    if (!found)
      refuse(path_, "has no ", Statistic::label(), " of ", l.name, " among those of ",
             counted(layers_.layers(), "layer"));
    return layers_.input_of(*found);
  }
  void check(const layer& l) override {
    const std::size_t input = input_of(l);
    if (!features_.contains(input)) features_[input] = layers_.of(input).features();
    // An expert that saw no token has no features.
    if (features_[input] != 0 && features_[input] != l.cols)
      refuse(path_, "has a ", Statistic::label(), " of ", counted(features_[input], "column"),
             " for ", l.name, ", which has ", l.cols);
  }

 private:
  using typename input_statistics<Statistic>::by_input;
  bool gather(by_input& wanted, const std::function<bool()>& is_stopped) override {
    for (auto& [input, statistic] : wanted) {
      if (is_stopped()) return false;
      statistic = layers_.of(input);
    }
    return true;
  }

  std::string path_;
  tamp::io::layer_statistics<Statistic> layers_;
  std::map<std::size_t, std::size_t> features_;  // of the inputs that were looked at
};

// From a text that goes through the dense model, block after block.
template <class Statistic>
class statistics_of_text_inputs : public input_statistics<Statistic> {
 public:
  statistics_of_text_inputs(const settings& s, const model_files& model)
      : exec_{.threads = s.threads},
        text_(s.text),
        loaded_(with_engine(
            [&] { return load_text_model(model, {.text = s.text, .threads = s.threads}); })),
        host_(loaded_.language.model, loaded_.samples) {
    for (std::size_t block = 0; block < host_.blocks(); ++block)
      for (std::size_t l = 0; l < of_block; ++l)
        layers_.emplace(
            text_model::name_in(
                model, llama::weight_name(static_cast<llama::Index>(block), llama::layer_names[l])),
            block * of_block + l);
  }

  std::size_t input_of(const layer& l) const override {
    const auto found = layers_.find(l.name);
    if (found == layers_.end()) refuse(text_, "is sent through a model that has no layer ", l.name);
    const std::size_t number = found->second;
    return number / of_block * of_block + llama::tamp_host::input_of(0, number % of_block);
  }
  void check(const layer& l) override {
    const std::size_t input = input_of(l);
    const auto features = static_cast<std::size_t>(
        loaded_.language.model.blocks[input / of_block].weights[input % of_block].cols());
    if (features != l.cols)
      refuse(text_, "is sent through a model in which ", l.name, " has ", features,
             " inputs, and here it has ", l.cols);
  }

 private:
  using typename input_statistics<Statistic>::by_input;
  static constexpr std::size_t of_block = llama::layer_names.size();

  // The inputs of a block that the engine's host shows.
  struct collector {
    static constexpr tamp::observable wants = tamp::observable::input;
    const tamp::execute::openmp& exec;
    std::array<Statistic*, of_block> into{};  // null where nobody asks

    void modality(const auto&) {}
    void attention(const auto&) {}
    void hidden(const auto&, const auto&) {}
    void linear(std::size_t, const auto&, const auto&) {}
    void input(std::size_t layer, const auto& x) {
      if (into[layer] != nullptr) into[layer]->add(exec, x);
    }
  };

  bool gather(by_input& wanted, const std::function<bool()>& is_stopped) override {
    const std::size_t block = wanted.begin()->first / of_block;
    if (block < at_) {
      host_.rewind();
      at_ = 0;
    }
    for (; at_ < block; ++at_) {
      if (is_stopped()) return false;
      host_.advance(at_);
    }
    collector seen{exec_};
    for (auto& [input, statistic] : wanted) seen.into[input % of_block] = &statistic;
    if (is_stopped()) return false;
    host_.observe_block(block, seen);
    return true;
  }

  tamp::execute::openmp exec_;
  std::string text_;
  text_model loaded_;
  llama::tamp_host host_;
  std::map<std::string, std::size_t, std::less<>> layers_;
  std::size_t at_ = 0;  // the block whose inputs the samples are
};

}  // namespace

template <class Statistic>
std::unique_ptr<input_statistics<Statistic>> statistics_of_inputs(const settings& s,
                                                                  const model_files& model) {
  if (!s.text.empty()) return std::make_unique<statistics_of_text_inputs<Statistic>>(s, model);
  return std::make_unique<statistics_in_file<Statistic>>(s.statistics);
}
template std::unique_ptr<input_statistics<tamp::stat::gram>> statistics_of_inputs(
    const settings&, const model_files&);
template std::unique_ptr<input_statistics<tamp::stat::sequence_moments>> statistics_of_inputs(
    const settings&, const model_files&);

}  // namespace tamp_prune
