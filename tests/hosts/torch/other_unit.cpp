// A second unit of the program, with NDEBUG, where the first has assertions, and with macros that
// real headers define.
#include <tamp/tamp.hpp>

#include <ATen/Parallel.h>
#include <ATen/record_function.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define near
#define far
#define small char
#define interface struct
#define IN
#define OUT
#define ERROR 0
#define IGNORE 0
#define None 0L
#define Success 0
#define Status int
#define Bool int
#define True 1
#define False 0
#define I _Complex_I
#define check(x) (void)(x)
#define require(x) (void)(x)
#define verify(x) (void)(x)
#define major(dev) (dev)
#define minor(dev) (dev)

#include <tamp/adapt/torch.hpp>
#include <tamp/adapt/torch_executor.hpp>
#include <tamp/adapt/torch_model.hpp>

#if !defined(NDEBUG)
#  error "this unit is compiled with NDEBUG"
#endif

BOOST_AUTO_TEST_SUITE(adapt_torch_units)

BOOST_AUTO_TEST_CASE(a_unit_of_other_flags_prunes_a_model_as_the_first_one) {
  at::manual_seed(1);
  torch::nn::Linear layer(16, 8);
  layer->eval();
  tamp::torch_model host({tamp::torch_block_of(layer, "0")}, {at::randn({5, 16})});
  const auto report =
      tamp::prune_model(tamp::execute::torch_threads(), host,
                        tamp::compose(tamp::score::wanda{}, tamp::pattern::n_of_m<2, 4>{}));
  BOOST_TEST(report.layers[0].score == "wanda");
  BOOST_TEST((layer->weight == 0).sum().item<std::int64_t>() == 16 * 8 / 2);
}

BOOST_AUTO_TEST_SUITE_END()
