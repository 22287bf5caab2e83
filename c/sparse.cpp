// Sparse weights.

#include <cstdint>
#include <optional>
#include <tamp/sparse/multiply.hpp>
#include <tamp/sparse/pack.hpp>
#include <tamp/sparse/unpack.hpp>
#include <variant>

#include "guarded.hpp"

struct tamp_sparse {
  std::variant<tamp::sparse::matrix<float>, tamp::sparse::matrix<tamp::f16>,
               tamp::sparse::matrix<tamp::bf16>, tamp::sparse::matrix<std::int8_t>>
      weight;
};

namespace {

using tamp_c::checked;
using tamp_c::guarded;
using tamp_c::view_of;

template <class T>
tamp_sparse packed(const tamp_c::executor& exec, const tamp::any_view& weight,
                   const tamp_mask* mask) {
  if (mask == nullptr) return {tamp::sparse::pack_as<T>(exec, weight)};
  return {tamp::sparse::pack_as<T>(exec, weight, mask->keep)};
}

tamp_sparse pack(std::string_view function, const tamp_c::executor& exec,
                 const tamp::any_view& weight, const tamp_mask* mask, tamp_dtype type) {
  switch (type) {
    case TAMP_F32:
      return packed<float>(exec, weight, mask);
    case TAMP_F16:
      return packed<tamp::f16>(exec, weight, mask);
    case TAMP_BF16:
      return packed<tamp::bf16>(exec, weight, mask);
    case TAMP_I8:
      return packed<std::int8_t>(exec, weight, mask);
    default:
      tamp::detail::raise<tamp::value_error>(
          function, ": sparse weights are stored as F32, F16, BF16 or I8, not as the type ",
          static_cast<int>(type));
  }
}

}  // namespace

tamp_status tamp_pack(const tamp_executor* where, const tamp_matrix* weight, const tamp_mask* mask,
                      tamp_dtype type, tamp_sparse** sparse) {
  return guarded([&] {
    constexpr auto function = "tamp_pack";
    auto& out = checked(function, "the place of the result", sparse);
    const tamp_c::executor exec(function, where);
    out =
        new tamp_sparse(pack(function, exec, view_of(function, "the weight", weight), mask, type));
  });
}

void tamp_sparse_free(tamp_sparse* sparse) { delete sparse; }

size_t tamp_sparse_bytes(const tamp_sparse* sparse) {
  if (sparse == nullptr) return 0;
  return std::visit([](const auto& weight) { return weight.bytes(); }, sparse->weight);
}

tamp_status tamp_multiply(const tamp_executor* where, const tamp_sparse* sparse,
                          const tamp_matrix* x, const tamp_matrix* y) {
  return guarded([&] {
    constexpr auto function = "tamp_multiply";
    const tamp_c::executor exec(function, where);
    const auto from = view_of(function, "the matrix of activations", x);
    const auto to = view_of(function, "the matrix of results", y);
    std::visit([&](const auto& weight) { tamp::sparse::multiply(exec, weight, from, to); },
               checked(function, "the sparse weight", sparse).weight);
  });
}

tamp_status tamp_unpack(const tamp_executor* where, const tamp_sparse* sparse,
                        const tamp_matrix* dense) {
  return guarded([&] {
    constexpr auto function = "tamp_unpack";
    const tamp_c::executor exec(function, where);
    const auto to = view_of(function, "the dense matrix", dense);
    std::visit([&](const auto& weight) { tamp::sparse::unpack(exec, weight, to); },
               checked(function, "the sparse weight", sparse).weight);
  });
}
