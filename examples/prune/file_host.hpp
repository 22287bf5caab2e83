#pragma once

// The layers of files as a model that tamp can prune.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <span>
#include <string_view>
#include <tamp/detail/large_array.hpp>
#include <tamp/element.hpp>
#include <tamp/io/detail/readable_file.hpp>
#include <tamp/io/ggml_rows.hpp>
#include <tamp/tensor/view.hpp>
#include <utility>
#include <vector>

#include "layers.hpp"
#include "model_files.hpp"
#include "retyped_rows.hpp"

namespace tamp_prune {

// Loads a weight when it is visited. With two places in memory a second thread writes the one before
// and reads the one behind while one is pruned. With one place they are written, read and pruned one
// after another.
class file_host {
 public:
  // Nothing is in place before all is written.
  static constexpr bool writes_when_finished = true;
  // Writes the bytes of a layer that is done. It is called by the second thread.
  using write_function = std::function<void(std::span<const std::byte>)>;

  file_host(const model_files& model, const layer_list& layers, std::size_t places = 2)
      : model_(model), layers_(layers), has_two_places_(places == 2) {
    for (std::size_t k = 0; k < model.weights.size(); ++k) files_.emplace_back(model.path_of(k));
    layers.visit([&](const layer& l) {
      largest_ = std::max(largest_, l.length);
      new_largest_ = std::max(new_largest_, l.new_length);
    });
  }

  // Called when a layer is done, before the next is visited. Without it nothing is written.
  std::function<write_function(const layer&)> on_finish;

  std::size_t blocks() const { return layers_.blocks.size(); }
  void visit_shapes(std::size_t block, auto&& visit) const {
    for (const layer& l : layers_.blocks[block].layers) visit(l.name, l.rows, l.cols);
  }
  void visit_layers(std::size_t block, auto&& visit) {
    const auto& layers = layers_.blocks[block].layers;
    for (std::size_t k = 0; k < layers.size(); ++k) {
      load(layers[k], next_of(block, k));
      visit_loaded(layers[k], visit);
    }
  }
  void finish_layer(std::size_t block, std::size_t k) {
    if (!on_finish) return;
    if (moved_ != nullptr) moved_->finish();
    here().write = on_finish(layers_.blocks[block].layers[k]);
  }
  // Waits until all layers that are done are written.
  void flush() {
    wait();
    for (place& p : places_) p.write_now();
  }

  // Waits for the second thread, forgets what is not written yet, and gives the memory back.
  void abandon() noexcept {
    if (working_.valid()) working_.wait();
    working_ = {};
    places_ = {};
    on_finish = nullptr;
  }

  const tamp::detail::readable_file& file(std::size_t k) const { return files_[k]; }

 private:
  // Memory for the largest layer, which takes as much as is written to it. It stays what it is, since
  // memory that is given back and taken again in other sizes leaves gaps.
  class room {
   public:
    std::byte* of(std::uint64_t largest) {
      if (bytes_.data() == nullptr)
        bytes_ = tamp::detail::large_array<std::byte>(static_cast<std::size_t>(largest));
      return bytes_.data();
    }
    std::byte* data() const { return bytes_.data(); }

   private:
    tamp::detail::large_array<std::byte> bytes_;
  };
  // One layer in memory.
  struct place {
    const layer* holds = nullptr;
    room bytes, new_bytes;  // as stored, and as they are written if their type changes
    bool is_retyped = false;
    write_function write;  // where the layer is done and not written yet

    void write_now() {
      if (!write) return;
      const auto task = std::exchange(write, {});
      const layer& done = *std::exchange(holds, nullptr);  // what is here is no more as stored
      task({is_retyped ? new_bytes.data() : bytes.data(), done.new_length});
    }
  };

  place& here() { return places_[at_]; }

  const layer* next_of(std::size_t block, std::size_t k) const {
    if (k + 1 < layers_.blocks[block].layers.size()) return &layers_.blocks[block].layers[k + 1];
    for (std::size_t b = block + 1; b < layers_.blocks.size(); ++b)
      if (!layers_.blocks[b].layers.empty()) return &layers_.blocks[b].layers.front();
    return nullptr;
  }

  // Makes `wanted` the layer that is here, and begins to read the next one.
  void load(const layer& wanted, const layer* next) {
    wait();
    if (has_two_places_ && (here().holds != &wanted || here().write)) at_ = 1 - at_;
    here().write_now();
    if (here().holds != &wanted) read(here(), wanted);
    if (!has_two_places_) return;
    place& other = places_[1 - at_];
    working_ = std::async(std::launch::async, [this, &other, next] {
      other.write_now();
      if (next != nullptr) read(other, *next);
    });
  }
  void read(place& into, const layer& l) {
    into.holds = nullptr;
    files_[model_.tensors[l.tensor].file].read(l.offset, {into.bytes.of(largest_), l.length});
    into.holds = &l;
    into.is_retyped = false;
  }
  void wait() {
    if (working_.valid()) working_.get();
  }

  void visit_loaded(const layer& l, auto&& visit) {
    const tensor& t = model_.tensors[l.tensor];
    switch (t.kind) {
      case number::f64:
        return visit(l.name, view_of<double>(l));
      case number::f32:
        return visit(l.name, view_of<float>(l));
      case number::f16:
        return visit(l.name, view_of<tamp::f16>(l));
      case number::bf16:
        return visit(l.name, view_of<tamp::bf16>(l));
      case number::block: {
        tamp::io::ggml_rows rows(t.ggml_type, std::span(here().bytes.data(), l.length), l.rows,
                                 l.cols, l.name);
        if (l.new_type == t.ggml_type) return visit(l.name, rows);
        const std::span target(here().new_bytes.of(new_largest_), l.new_length);
        here().is_retyped = true;
        retyped_rows moved(rows, {l.new_type, target, l.rows, l.cols, l.name});
        moved_ = &moved;
        visit(l.name, moved);
        moved_ = nullptr;
        return;
      }
      case number::other:  // is no layer
        return;
    }
  }
  template <class T>
  tamp::matrix_view<T> view_of(const layer& l) {
    auto* const data = reinterpret_cast<T*>(here().bytes.data());
    const auto stored_cols = static_cast<std::ptrdiff_t>(l.is_transposed ? l.rows : l.cols);
    if (l.is_transposed) return {data, l.rows, l.cols, 1, stored_cols};
    return {data, l.rows, l.cols, stored_cols, 1};
  }

  const model_files& model_;
  const layer_list& layers_;
  std::vector<tamp::detail::readable_file> files_;
  std::array<place, 2> places_;
  bool has_two_places_;
  std::uint64_t largest_ = 0, new_largest_ = 0;  // bytes of a layer
  std::size_t at_ = 0;                           // the place of the layer that is visited
  retyped_rows* moved_ = nullptr;                // the layer that is visited, if its type changes
  std::future<void> working_;                    // the second thread; it ends before the rest
};

}  // namespace tamp_prune
