// The cost of ggml's tensors beside Eigen's matrix, plain and quantised.

#include <ggml.h>

#include <cstdio>
#include <memory>
#include <tamp/adapt/ggml.hpp>

#include "beside_eigen.hpp"

int main() {
  using hosts::size;
  const std::unique_ptr<ggml_context, decltype(&ggml_free)> context(
      ggml_init({std::size_t{size} * size * 8, nullptr, false}), &ggml_free);
  std::puts("| host | numbers | tamp on it | Eigen | ratio |\n|---|---|---|---|---|");
  ggml_tensor* const plain = ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, size, size);
  hosts::beside_eigen("ggml_tensor", "f32", *plain, static_cast<float*>(plain->data));
  for (const auto& [type, name] : {std::pair(GGML_TYPE_Q8_0, "q8_0"), {GGML_TYPE_Q4_0, "q4_0"}}) {
    ggml_tensor* const blocks = ggml_new_tensor_2d(context.get(), type, size, size);
    hosts::beside_eigen<float>("ggml_tensor", name, *blocks, nullptr, [&] {
      ggml_quantize_chunk(type, hosts::dense_weight<float>().data(), blocks->data, 0, size, size,
                          nullptr);
    });
  }
}
