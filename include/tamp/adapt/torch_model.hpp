#pragma once

/// @file
/// A model of LibTorch modules as a host, and the observation of linear layers in code that is not
/// changed for it.

// First, since clang 19 does not compile LibTorch 1.13 in another order.
#include <ATen/core/ivalue.h>

#include <ATen/record_function.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../error.hpp"
#include "../model/fingerprint.hpp"
#include "../model/modality.hpp"
#include "../model/observable.hpp"
#include "torch.hpp"

namespace tamp::inline TAMP_FLAGS {

/// A linear layer of a LibTorch model, whose output is input * weight^T + bias.
struct torch_linear {
  std::string name;
  at::Tensor weight;     ///< (out_features, in_features)
  at::Tensor bias = {};  ///< (out_features), or undefined if the layer has none
};

/// Returns the torch::nn::Linear modules in a module, in the order in which they are registered.
/// Their names are their places in it, behind `prefix` and a dot. Other linear layers, such as the
/// projection of inputs of torch::nn::MultiheadAttention, can be added to the list.
inline std::vector<torch_linear> torch_linears(const torch::nn::Module& module,
                                               std::string_view prefix = {}) {
  std::vector<torch_linear> found;
  for (const auto& part : module.named_modules(std::string(prefix)))
    if (const auto* linear = part.value()->as<torch::nn::LinearImpl>())
      found.push_back({part.key(), linear->weight, linear->bias});
  return found;
}

namespace detail {

/// Joins all dimensions but the last one.
inline at::Tensor as_torch_matrix(const at::Tensor& tensor) {
  return tensor.reshape({-1, tensor.size(-1)});
}

/// Opens a private member: the access of names in an explicit instantiation is not checked.
template <class Key, auto Member>
struct opened_member {
  friend const auto& member_of(Key, const at::RecordFunction& operation) {
    return operation.*Member;
  }
};

/// The operands of an operation, by member_of(recorded_inputs(), operation). The public inputs()
/// asserts, in units without NDEBUG, on a member that a LibTorch compiled with NDEBUG never sets.
/// All releases are.
struct recorded_inputs {
  friend const auto& member_of(recorded_inputs, const at::RecordFunction& operation);
};
template struct opened_member<recorded_inputs, &at::RecordFunction::inputs_>;

/// The callbacks of one watch_linears, while it runs.
class linear_watch {
 public:
  using callback = std::function<void(std::size_t, const at::Tensor&, const at::Tensor&)>;

  linear_watch(std::span<const torch_linear> layers, bool wants_outputs, callback on_linear)
      : layers_(layers), on_linear_(std::move(on_linear)), wants_outputs_(wants_outputs) {
    if (running_ != nullptr)
      raise<value_error>("watch_linears: this thread already runs one; they cannot be nested");
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&start, &end)
                                             .needsInputs(true)
                                             .needsOutputs(true)
                                             .scopes({at::RecordScope::FUNCTION}));
    running_ = this;
  }
  linear_watch(const linear_watch&) = delete;
  linear_watch& operator=(const linear_watch&) = delete;
  ~linear_watch() {
    running_ = nullptr;
    at::removeCallback(handle_);
  }

  void rethrow() const {
    if (thrown_ != nullptr) std::rethrow_exception(thrown_);
  }

 private:
  /// A way in which a linear layer is calculated: the places of its operands.
  struct form {
    std::string_view operation;
    std::size_t input, weight;
    bool transposed, has_bias;
  };
  static constexpr std::array<form, 4> forms{{{"aten::linear", 0, 1, false, true},
                                              {"aten::addmm", 1, 2, true, true},
                                              {"aten::matmul", 0, 1, true, false},
                                              {"aten::mm", 0, 1, true, false}}};

  /// Marks the operation that is a layer.
  struct mark : at::ObserverContext {};

  static bool is_in_memory(const at::Tensor& tensor) {
    return tensor.defined() && tensor.layout() == at::kStrided && tensor.has_storage();
  }
  static bool same(const at::Tensor& a, const at::Tensor& b) {
    return is_in_memory(a) && is_in_memory(b) && a.data_ptr() == b.data_ptr() &&
           a.data_ptr() != nullptr && a.sizes() == b.sizes() && a.strides() == b.strides();
  }
  static bool is_weight(const at::Tensor& operand, const at::Tensor& weight, bool transposed) {
    if (!is_in_memory(operand) || operand.dim() != 2 || weight.dim() != 2) return false;
    if (!is_in_memory(weight) || operand.data_ptr() != weight.data_ptr()) return false;
    const std::int64_t first = transposed ? 1 : 0, second = 1 - first;
    return weight.data_ptr() != nullptr && operand.size(0) == weight.size(first) &&
           operand.size(1) == weight.size(second) && operand.stride(0) == weight.stride(first) &&
           operand.stride(1) == weight.stride(second);
  }

  static bool is_one(c10::ArrayRef<const c10::IValue> operands, std::size_t k) {
    return k < operands.size() && operands[k].isScalar() &&
           operands[k].toScalar().to<double>() == 1.0;
  }

  static std::unique_ptr<at::ObserverContext> start(const at::RecordFunction& operation) {
    linear_watch* const watch = running_;
    // Operations that a layer consists of, and those of the callback, are none of the model's.
    if (watch == nullptr || watch->within_layer_ || watch->thrown_ != nullptr) return nullptr;
    const std::string_view name = operation.name();
    for (const form& each : forms)
      if (name == each.operation)
        return watch->start(member_of(recorded_inputs(), operation), each);
    return nullptr;
  }

  std::unique_ptr<at::ObserverContext> start(c10::ArrayRef<const c10::IValue> operands,
                                             const form& used) {
    const auto tensor = [&](std::size_t k) {
      return k < operands.size() && operands[k].isTensor() ? operands[k].toTensor() : at::Tensor();
    };
    const at::Tensor operand = tensor(used.weight);
    for (layer_ = 0; layer_ < layers_.size(); ++layer_) {
      const torch_linear& layer = layers_[layer_];
      if (!is_weight(operand, layer.weight, used.transposed)) continue;
      input_ = tensor(used.input);
      // addmm can add something else, such as the residual stream, and scale what it adds.
      is_output_ = used.operation != "aten::addmm" ||
                   (same(tensor(0), layer.bias) && is_one(operands, 3) && is_one(operands, 4));
      lacks_bias_ = !used.has_bias && layer.bias.defined();
      within_layer_ = true;
      return std::make_unique<mark>();
    }
    return nullptr;
  }

  // LibTorch only logs what a callback throws.
  static void end(const at::RecordFunction& operation, at::ObserverContext* context) {
    linear_watch* const watch = running_;
    if (watch == nullptr || context == nullptr) return;
    try {
      watch->end(operation);
    } catch (...) {
      watch->thrown_ = std::current_exception();
    }
    watch->input_.reset();
    watch->within_layer_ = false;
  }

  void end(const at::RecordFunction& operation) {
    const auto& outputs = operation.outputs();
    if (outputs.empty() || !outputs[0].isTensor()) return;  // the operation threw
    at::Tensor output;
    if (wants_outputs_) {
      const torch_linear& layer = layers_[layer_];
      output = is_output_ ? outputs[0].toTensor() : input_.matmul(layer.weight.t());
      if (lacks_bias_ || (!is_output_ && layer.bias.defined())) output = output + layer.bias;
      output = as_torch_matrix(output);
    }
    on_linear_(layer_, as_torch_matrix(input_), output);
  }

  static inline thread_local linear_watch* running_ = nullptr;

  std::span<const torch_linear> layers_;
  callback on_linear_;
  at::CallbackHandle handle_ = 0;
  std::exception_ptr thrown_;
  // The layer that is being calculated.
  std::size_t layer_ = 0;
  at::Tensor input_;
  bool wants_outputs_, within_layer_ = false, is_output_ = true, lacks_bias_ = false;
};

}  // namespace detail

/// Calls run(), and on_linear(layer, X, Y) for every linear layer of `layers` that it calculates:
/// its number in the list, its input X, (tokens, in_features), and its output Y, (tokens,
/// out_features), with the bias. Dimensions in front of the features are joined. A function
/// on_linear(layer, X) without Y costs less.
///
/// Nothing in the model is changed for it. LibTorch reports its operations, and a layer is known by
/// the memory of its weight, as an operand of linear, addmm, matmul or mm. That is what
/// torch::nn::Linear, torch::nn::functional::linear and TorchScript use. Not seen are layers that
/// run on other threads than the calling one or calculate in another way (einsum, weights that were
/// copied), and all but the first layer of those that share a weight.
/// @throws value_error if it is called from within run(); exceptions of run and on_linear propagate
template <std::invocable Run, class OnLinear>
void watch_linears(std::span<const torch_linear> layers, Run&& run, OnLinear&& on_linear) {
  constexpr bool wants_outputs = !std::invocable<OnLinear&, std::size_t, const at::Tensor&>;
  detail::linear_watch watch(
      layers, wants_outputs,
      [&](std::size_t layer, const at::Tensor& X, [[maybe_unused]] const at::Tensor& Y) {
        if constexpr (wants_outputs)
          on_linear(layer, X, Y);
        else
          on_linear(layer, X);
      });
  std::forward<Run>(run)();
  watch.rethrow();
}

/// A block of a torch_model.
struct torch_block {
  std::vector<torch_linear> layers;  ///< those to prune
  /// Returns the block's output for the hidden states of the sample of that number. The number is
  /// for what else belongs to a sample, such as a mask.
  std::function<at::Tensor(const at::Tensor& hidden, std::size_t sample)> forward;
};

/// Returns the block of a module whose forward(hidden) returns a tensor, with all its
/// torch::nn::Linear modules. `module` is a holder, such as torch::nn::TransformerEncoderLayer, or
/// a std::shared_ptr.
/// @throws value_error if the module is in training mode, in which dropout makes numbers random
template <class Module>
[[nodiscard]] torch_block torch_block_of(Module module, std::string_view prefix = {}) {
  if (module->is_training())
    detail::raise<value_error>("torch_block_of: the module ", prefix,
                               " is in training mode: call its eval() first");
  auto layers = torch_linears(*module, prefix);
  return {std::move(layers), [module](const at::Tensor& hidden, std::size_t) mutable -> at::Tensor {
            return module->forward(hidden);
          }};
}

/// A model of LibTorch blocks as a host (see tamp::model), with its calibration samples: the hidden
/// states in front of the first block, one tensor for each sequence, (tokens, hidden), also with
/// further dimensions of 1. Samples and blocks are handles. Weights are pruned in place, samples
/// are not changed.
///
///     tamp::torch_model host({tamp::torch_block_of(first, "layers.0"), ...}, samples);
///     tamp::prune_model(host, recipe);
///
/// Blocks run without gradients. The host shows inputs and outputs of layers, the residual stream
/// and the modalities of tokens. For recipes that look at attention, write a host of your own with
/// watch_linears.
class torch_model {
 public:
  static constexpr observable shows =
      observable::input | observable::output | observable::hidden | observable::modality;

  /// @param kinds the modality of each token of each sample; if empty, all are text
  /// @throws value_error if there is no sample, or one holds no floating-point numbers
  /// @throws shape_error if one is no sequence, or there is not one list of kinds for each sample
  ///         with one kind for each token
  torch_model(std::vector<torch_block> blocks, std::vector<at::Tensor> samples,
              std::vector<std::vector<modality>> kinds = {})
      : blocks_(std::move(blocks)),
        samples_(std::move(samples)),
        states_(samples_),
        kinds_(std::move(kinds)) {
    if (samples_.empty()) detail::raise<value_error>("torch_model: there is no sample");
    for (std::size_t k = 0; k < samples_.size(); ++k) check_sample(k, samples_[k]);
    check_kinds();
  }

  std::size_t blocks() const noexcept { return blocks_.size(); }

  template <class Visit>
  void visit_layers(std::size_t block, Visit&& visit) {
    for (torch_linear& layer : blocks_[block].layers) visit(layer.name, layer.weight);
  }

  template <class Observer>
  void observe_block(std::size_t block, Observer& observer) {
    const at::NoGradGuard no_gradients;
    for (std::size_t k = 0; k < states_.size(); ++k) {
      if (!kinds_.empty()) observer.modality(kinds_[k]);
      at::Tensor after;
      const auto run = [&] { after = forward(block, k); };
      if constexpr (includes(Observer::wants, observable::output))
        watch_linears(blocks_[block].layers, run,
                      [&](std::size_t layer, const at::Tensor& X, const at::Tensor& Y) {
                        observer.linear(layer, X, Y);
                      });
      else
        watch_linears(blocks_[block].layers, run,
                      [&](std::size_t layer, const at::Tensor& X) { observer.input(layer, X); });
      if constexpr (includes(Observer::wants, observable::hidden))
        observer.hidden(detail::as_torch_matrix(states_[k]), detail::as_torch_matrix(after));
    }
  }

  void advance(std::size_t block) {
    const at::NoGradGuard no_gradients;
    for (std::size_t k = 0; k < states_.size(); ++k) states_[k] = forward(block, k);
  }

  void rewind() { states_ = samples_; }

  std::uint64_t fingerprint() const {
    tamp::fingerprint print;
    for (const at::Tensor& sample : samples_) print.add(detail::as_torch_matrix(sample));
    return print.value();
  }

  /// The samples' hidden states in front of the block that is next.
  const std::vector<at::Tensor>& states() const noexcept { return states_; }

 private:
  static void check_sample(std::size_t number, const at::Tensor& sample) {
    if (!sample.defined() || !at::isFloatingType(sample.scalar_type()))
      detail::raise<value_error>("torch_model: sample ", number, " has no floating-point numbers");
    std::int64_t sequences = 1;
    for (std::int64_t d = 0; d + 1 < sample.dim(); ++d) sequences += sample.size(d) > 1 ? 1 : 0;
    if (sample.dim() < 2 || sequences > 2) {
      std::string shape;
      for (const std::int64_t size : sample.sizes())
        shape.append(shape.empty() ? "" : " x ").append(std::to_string(size));
      detail::raise<shape_error>("torch_model: sample ", number, " is ", shape,
                                 "; a sample is one sequence, (tokens, hidden)");
    }
  }

  void check_kinds() const {
    if (kinds_.empty()) return;
    if (kinds_.size() != samples_.size())
      detail::raise<shape_error>("torch_model: there are ", samples_.size(), " samples and ",
                                 kinds_.size(), " lists of kinds of tokens");
    for (std::size_t k = 0; k < kinds_.size(); ++k) {
      const auto tokens = detail::as_torch_matrix(samples_[k]).size(0);
      if (kinds_[k].size() != static_cast<std::size_t>(tokens))
        detail::raise<shape_error>("torch_model: sample ", k, " has ", tokens, " tokens and ",
                                   kinds_[k].size(), " kinds");
    }
  }

  // The block gets a copy, since it may write to its argument.
  at::Tensor forward(std::size_t block, std::size_t sample) {
    return blocks_[block].forward(states_[sample].clone(), sample);
  }

  std::vector<torch_block> blocks_;
  std::vector<at::Tensor> samples_, states_;
  std::vector<std::vector<modality>> kinds_;
};

}  // namespace tamp::inline TAMP_FLAGS
