#pragma once

// The same model on all ranks, each with its share of the samples, and what all ranks must agree on.

#include <tamp/model/fingerprint.hpp>
#include <tamp/mpi/ranks.hpp>

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../support/model.hpp"

namespace support {

using tamp::mpi::ranks;

/// A model with `count` samples of 5, 6, ... tokens.
inline open_mlp model_with_samples(std::size_t count) {
  std::vector<matrix<float>> samples;
  for (unsigned s = 0; s < count; ++s) samples.push_back(random_matrix(5 + s % 3, 16, 100 + s));
  return open_mlp(3, 16, 24, 1).with_samples(samples);
}

/// That model with the samples of one rank.
inline open_mlp host_of(const ranks<>& where, std::size_t count) {
  const open_mlp all = model_with_samples(count);
  const auto [first, mine] = where.samples();
  const auto begin = all.samples.begin() + static_cast<std::ptrdiff_t>(first);
  return all.with_samples({begin, begin + static_cast<std::ptrdiff_t>(mine)});
}

inline std::uint64_t weights_of(const open_mlp& host) {
  tamp::fingerprint all;
  for (const mlp_block& block : host.weights) all.add(block.up).add(block.down);
  return all.value();
}

template <class Seen>
std::uint64_t numbers_of(const Seen& seen) {
  tamp::fingerprint all;
  seen.fields(seen, [&](std::string_view, const auto& value) {
    if constexpr (requires { value.begin(); })
      for (const double number : value) all.add(std::bit_cast<std::uint64_t>(number));
    else
      all.add(std::uint64_t{value});
  });
  return all.value();
}

/// Checks that body() ends with this error on all ranks. On others than the failing one, the
/// sentence begins with that rank.
template <class Error, class Body>
void check_error_on_all(const ranks<>& where, std::size_t failing, const std::string& sentence,
                        const Body& body) {
  const std::string expected =
      where.rank() == failing ? sentence : "rank " + std::to_string(failing) + ": " + sentence;
  try {
    body();
  } catch (const std::exception& e) {
    BOOST_TEST(dynamic_cast<const Error*>(&e) != nullptr);
    BOOST_TEST(std::string_view(e.what()) == expected);
    return;
  }
  BOOST_ERROR("nothing was refused, instead of \"" << expected << '"');
}

}  // namespace support
