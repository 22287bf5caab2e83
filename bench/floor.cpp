// Compiled with -O3 for the processor at hand (see CMakeLists.txt), also where the rest is not: a
// floor says what the hardware allows.

#include "floor.hpp"

namespace bench {

void read(std::span<const std::byte> bytes) {
  constexpr std::size_t lanes = 32;
  std::uint64_t sum[lanes] = {};
  const std::size_t step = lanes * sizeof(std::uint64_t);
  for (std::size_t k = 0; k + step <= bytes.size(); k += step) {
    std::uint64_t part[lanes];
    std::memcpy(part, bytes.data() + k, step);
    for (std::size_t l = 0; l < lanes; ++l) sum[l] += part[l];
  }
  benchmark::DoNotOptimize(sum);
}

void read_modify_write(std::span<std::byte> bytes) {
  constexpr std::size_t lanes = 16;
  const std::size_t step = lanes * sizeof(std::uint64_t);
  for (std::size_t k = 0; k + step <= bytes.size(); k += step) {
    std::uint64_t part[lanes];
    std::memcpy(part, bytes.data() + k, step);
    for (std::size_t l = 0; l < lanes; ++l) part[l] ^= 1;
    std::memcpy(bytes.data() + k, part, step);
  }
  benchmark::ClobberMemory();
}

template <class Real>
void multiply_add(std::size_t count) {
  // So many vectors that each multiply-add has been done before its sum is needed again.
#if defined(__AVX512F__)
  constexpr std::size_t lanes = 768 / sizeof(Real);
#else
  constexpr std::size_t lanes = 384 / sizeof(Real);
#endif
  Real sums[lanes] = {}, factors[lanes];
  for (std::size_t l = 0; l < lanes; ++l) factors[l] = Real{1} + Real(1e-3) * static_cast<Real>(l);
  benchmark::DoNotOptimize(factors);
  for (std::size_t k = 0; k < count; k += lanes)
    for (std::size_t l = 0; l < lanes; ++l) sums[l] = sums[l] * factors[l] + factors[l];
  benchmark::DoNotOptimize(sums);
}
template void multiply_add<float>(std::size_t);
template void multiply_add<double>(std::size_t);

}  // namespace bench
