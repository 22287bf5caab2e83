// The emulator itself: what it computes, and that it notices what goes wrong.
#include "../emulator.hpp"

#include <boost/test/unit_test.hpp>
#include <tamp/cuda/detail/block.cuh>
#include <vector>

BOOST_AUTO_TEST_SUITE(cuda_emulator)

namespace {

__global__ void reverse(int* numbers) {
  auto& shared = tamp::detail::shared_memory<int[128]>();
  shared[threadIdx.x] = numbers[blockIdx.x * blockDim.x + threadIdx.x];
  __syncthreads();
  numbers[blockIdx.x * blockDim.x + threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}

}  // namespace

BOOST_AUTO_TEST_CASE(threads_wait_for_each_other) {
  std::vector<int> numbers(2 * 70);
  for (int k = 0; k < 140; ++k) numbers[std::size_t(k)] = k;
  emulator::run(2, 70, 70 * sizeof(int), nullptr, [&] { reverse(numbers.data()); });
  for (int k = 0; k < 140; ++k) BOOST_TEST(numbers[std::size_t(k)] == (k < 70 ? 69 - k : 209 - k));
}

BOOST_AUTO_TEST_CASE(lanes_exchange_values) {
  std::vector<unsigned> up(64), ballots(64), sums(64), rotated(64);
  emulator::run(1, 64, 0, nullptr, [&] {
    const unsigned t = threadIdx.x;
    up[t] = __shfl_up_sync(0xffffffffu, t, 3u);
    ballots[t] = __ballot_sync(0xffffffffu, t % 3 == 0);
    sums[t] = tamp::detail::sum_of_lower_lanes(t);
    if (t % 32 < 4) rotated[t] = __shfl_sync(0xfu, t, int(t + 1) % 4);
  });
  BOOST_TEST(up[2] == 2u);
  BOOST_TEST(up[40] == 37u);
  BOOST_TEST(ballots[5] == 0x49249249u);
  BOOST_TEST(ballots[33] == 0x92492492u);
  BOOST_TEST(sums[4] == 6u);
  BOOST_TEST(sums[34] == 32u + 33u);
  BOOST_TEST(rotated[3] == 0u);
  BOOST_TEST(rotated[33] == 34u);
}

BOOST_AUTO_TEST_CASE(threads_that_go_apart_are_reported) {
  const auto is = [](const char* sentence) {
    return [sentence](const emulator::divergence& e) {
      BOOST_TEST(std::string(e.what()) == sentence);
      return true;
    };
  };
  BOOST_CHECK_EXCEPTION(emulator::run(1, 64, 0, nullptr,
                                      [] {
                                        if (threadIdx.x != 7) __syncthreads();
                                      }),
                        emulator::divergence,
                        is("the threads of block 0 went apart: 63 of 64 wait at a barrier, 0 for "
                           "other lanes of their warp, 1 are done"));
  BOOST_CHECK_EXCEPTION(emulator::run(1, 32, 0, nullptr,
                                      [] {
                                        if (threadIdx.x < 16) __syncwarp();
                                      }),
                        emulator::divergence,
                        is("the threads of block 0 went apart: 0 of 32 wait at a barrier, 16 for "
                           "other lanes of their warp, 16 are done"));
  std::vector<int> after{1, 2};
  emulator::run(1, 2, 2 * sizeof(int), nullptr, [&] { reverse(after.data()); });
  BOOST_TEST(after == (std::vector<int>{2, 1}));
}

BOOST_AUTO_TEST_CASE(a_missing_barrier_shows) {
  // Each thread reads what its neighbour writes, without waiting for it.
  bool is_wrong = false;
  for (int turn = 0; turn < 2; ++turn) {
    std::vector<int> read(32);
    emulator::run(1, 32, 32 * sizeof(int), nullptr, [&] {
      auto& shared = tamp::detail::shared_memory<int[128]>();
      shared[threadIdx.x] = int(threadIdx.x);
      read[threadIdx.x] = shared[(threadIdx.x + 1) % 32];
    });
    for (int t = 0; t < 32; ++t) is_wrong |= read[std::size_t(t)] != (t + 1) % 32;
  }
  BOOST_TEST(is_wrong);
}

BOOST_AUTO_TEST_CASE(too_much_shared_memory_is_refused) {
  BOOST_CHECK_THROW(emulator::run(1, 32, emulator::max_shared_memory + 1, nullptr, [] {}),
                    std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()
