#include <tamp/adapt/torch.hpp>
#include <tamp/adapt/torch_executor.hpp>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>

#include <ATen/ATen.h>
#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "../../execute/loop_checks.hpp"

BOOST_AUTO_TEST_SUITE(adapt_torch_executor)

namespace {

const tamp::execute::torch_threads on_torch;

// Sets torch's number of threads, and sets it back.
struct with_threads {
  explicit with_threads(int threads) { at::set_num_threads(threads); }
  ~with_threads() { at::set_num_threads(before); }
  int before = at::get_num_threads();
};

}  // namespace

BOOST_AUTO_TEST_CASE(it_is_an_executor) {
  static_assert(tamp::executor<tamp::execute::torch_threads>);
}

BOOST_AUTO_TEST_CASE(it_visits_every_index_exactly_once) {
  for (const int threads : {1, 2, 3, 8}) {
    const with_threads of_torch(threads);
    checks::visits_every_index_exactly_once(on_torch);
  }
}

BOOST_AUTO_TEST_CASE(exceptions_come_out) {
  for (const int threads : {1, 2, 3, 8}) {
    const with_threads of_torch(threads);
    checks::lets_exceptions_out_and_works_afterwards(on_torch);
  }
}

BOOST_AUTO_TEST_CASE(of_several_exceptions_the_one_from_the_lowest_range_comes_out) {
  const with_threads of_torch(4);
  for (const std::size_t quickest : {1u, 2u, 3u}) {
    const auto body = [&](std::size_t begin, std::size_t) {
      if (begin == 0) return;
      if (begin != quickest) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      throw checks::failure_at{begin};
    };
    BOOST_CHECK_EXCEPTION(on_torch.for_each_range(4, body), checks::failure_at,
                          [](checks::failure_at f) { return f.index == 1; });
  }
}

BOOST_AUTO_TEST_CASE(as_many_threads_take_part_as_torch_uses) {
  for (const int threads : {1, 3}) {
    const with_threads of_torch(threads);
    std::set<std::thread::id> seen;
    std::mutex mutex;
    on_torch.for_each_range(1000, [&](std::size_t, std::size_t) {
      const std::lock_guard lock(mutex);
      seen.insert(std::this_thread::get_id());
    });
    BOOST_TEST(seen.size() == std::size_t(threads));
  }
}

BOOST_AUTO_TEST_CASE(within_a_loop_of_torch_the_calling_thread_visits_every_index) {
  const with_threads of_torch(3);
  std::vector<std::atomic<int>> visits(24);
  at::parallel_for(0, 3, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      on_torch.for_each_range(8, [&](std::size_t first, std::size_t last) {
        for (std::size_t j = first; j < last; ++j) ++visits[std::size_t(i) * 8 + j];
      });
  });
  for (const auto& visited : visits) BOOST_TEST(visited == 1);
}

BOOST_AUTO_TEST_CASE(masks_and_repaired_weights_have_the_same_bits_with_any_number_of_threads) {
  at::manual_seed(1);
  const at::Tensor W = at::randn({256, 512}), X = at::randn({64, 512});
  const tamp::execute::sequential one_thread;
  const auto wanda =
      tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.6});
  const auto norms = tamp::observe<tamp::stat::column_norm>(one_thread, X);
  const auto keep = tamp::select(one_thread, W, norms, wanda);
  const auto repair = tamp::compose(tamp::score::sparsegpt{}, tamp::pattern::n_of_m<2, 4>{});
  const auto gram = tamp::observe<tamp::stat::gram>(one_thread, X);
  const at::Tensor repaired = W.clone();
  tamp::prune(one_thread, repaired, gram, repair);
  for (const int threads : {1, 2, 5}) {
    const with_threads of_torch(threads);
    BOOST_TEST((tamp::observe<tamp::stat::column_norm>(on_torch, X) == norms));
    BOOST_TEST((tamp::observe<tamp::stat::gram>(on_torch, X) == gram));
    BOOST_TEST((tamp::select(on_torch, W, norms, wanda) == keep));
    const at::Tensor other = W.clone();
    tamp::prune(on_torch, other, gram, repair);
    BOOST_TEST(other.equal(repaired));
  }
}

BOOST_AUTO_TEST_CASE(errors_of_tamp_come_out_of_torchs_threads) {
  const with_threads of_torch(3);
  const at::Tensor W = at::ones({512, 512});
  W[300][7] = std::numeric_limits<float>::infinity();
  const auto recipe = tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{},
                                    tamp::allocate::uniform{0.5});
  BOOST_CHECK_EXCEPTION(
      tamp::select(on_torch, W, recipe), tamp::value_error, [](const tamp::value_error& e) {
        return std::string(e.what()) == "select: the weight in row 300, column 7 is inf";
      });
}

BOOST_AUTO_TEST_SUITE_END()
