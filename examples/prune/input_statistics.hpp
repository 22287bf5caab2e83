#pragma once

// Statistics of the inputs of layers, as refinements read them: large ones, of a few layers at a
// time.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <tamp/stat/gram.hpp>
#include <tamp/stat/sequence_moments.hpp>

#include "layers.hpp"
#include "model_files.hpp"
#include "settings.hpp"

namespace tamp_prune {

// A source of statistics of the inputs of layers. Layers that share an input share its statistic.
template <class Statistic>
class input_statistics {
 public:
  virtual ~input_statistics() = default;

  // The number of a layer's input. Throws tamp::file_error if nothing is known of the layer.
  virtual std::size_t input_of(const layer& l) const = 0;
  // Throws tamp::error if the statistic of a layer cannot be used: it is not there, is damaged, or is
  // that of another weight.
  virtual void check(const layer& l) = 0;
  // Forgets what it held, and holds the statistics of some layers of one block. Returns false if
  // `is_stopped` stopped it.
  bool hold(std::span<const layer> layers, const std::function<bool()>& is_stopped) {
    held_.clear();
    for (const layer& l : layers) held_[input_of(l)];
    return held_.empty() || gather(held_, is_stopped);
  }
  // That of a layer which is held.
  const Statistic& of(const layer& l) const { return held_.at(input_of(l)); }

 protected:
  using by_input = std::map<std::size_t, Statistic>;
  // Fills in the statistics of inputs of one block.
  virtual bool gather(by_input& wanted, const std::function<bool()>& is_stopped) = 0;

 private:
  by_input held_;
};

// The statistics of --statistics, which is a calibration, or of --text, which then stays in memory
// with the dense model. Each block is sent the text again for each group of its layers. Throws
// tamp::error if the file has no such statistics, or if the engine cannot run the model.
template <class Statistic>
std::unique_ptr<input_statistics<Statistic>> statistics_of_inputs(const settings& s,
                                                                  const model_files& model);
extern template std::unique_ptr<input_statistics<tamp::stat::gram>> statistics_of_inputs(
    const settings&, const model_files&);
extern template std::unique_ptr<input_statistics<tamp::stat::sequence_moments>>
statistics_of_inputs(const settings&, const model_files&);

// The memory that the statistic of one input takes.
template <class Statistic>
std::uint64_t bytes_of_statistic(std::uint64_t columns) {
  if constexpr (std::is_same_v<Statistic, tamp::stat::gram>)
    return columns * columns * sizeof(double);
  else
    return 2 * columns * sizeof(double);
}

}  // namespace tamp_prune
