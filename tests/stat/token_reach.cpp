#include <tamp/stat/token_reach.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/instructions.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_token_reach)

using support::matrix;
using tamp::modality;
using tamp::stat::positions_read;
using tamp::stat::token_gains;
using tamp::stat::token_reach;

namespace {

using lists = std::vector<std::vector<double>>;

std::vector<token_gains> random_gains(std::size_t blocks, std::size_t tokens) {
  std::vector<token_gains> gains;
  for (std::size_t l = 0; l < blocks; ++l) {
    auto full = support::random_matrix(tokens, tokens, unsigned(l + 1));
    for (std::size_t i = 0; i < tokens; ++i)
      for (std::size_t j = 0; j < tokens; ++j)
        full(i, j) = j <= i && i - j < 40 + 30 * l ? std::abs(full(i, j)) / 50 : 0.0f;
    gains.emplace_back(full);
  }
  return gains;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  // The last of three tokens is read. It attends to the second in the last block, and that one to
  // the first in the block before.
  const std::vector<token_gains> gains{token_gains(matrix<float>{{0, 0, 0}, {3, 0, 0}, {0, 0, 0}}),
                                       token_gains(matrix<float>{{0, 0, 0}, {0, 0, 0}, {0, 2, 0}})};
  const std::vector<double> read{0, 0, 1};
  const lists reach = token_reach(gains, read);
  BOOST_TEST((reach == lists{{6, 2, 1}, {0, 2, 1}}));
}

BOOST_AUTO_TEST_CASE(without_gains_all_that_is_read_reaches) {
  const std::vector<token_gains> gains(3, token_gains(matrix<float>(2, 2)));
  const std::vector<double> read{0.25, 0.75};
  BOOST_TEST((token_reach(gains, read) == lists{read, read, read}));
  BOOST_TEST(token_reach(std::vector<token_gains>{}, read).empty());
}

BOOST_AUTO_TEST_CASE(it_is_the_definition) {
  for (const std::size_t tokens : {1u, 17u, 300u}) {
    const auto gains = random_gains(4, tokens);
    const std::vector<double> read = positions_read({}, tokens);
    const lists reach = token_reach(gains, read);
    std::vector<double> r = read;
    for (std::size_t l = 4; l-- > 0;) {
      const std::vector<double> behind = r;
      for (std::size_t j = 0; j < tokens; ++j) {
        for (std::size_t i = 0; i < tokens; ++i) r[j] += behind[i] * double(gains[l](i, j));
        BOOST_TEST_REQUIRE(reach[l][j] == r[j], boost::test_tools::tolerance(1e-13));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(reach_never_falls_towards_the_first_block_and_follows_the_scale_of_read) {
  const auto gains = random_gains(5, 60);
  std::vector<double> read = positions_read({}, 60);
  const lists reach = token_reach(gains, read);
  for (std::size_t l = 0; l + 1 < 5; ++l)
    for (std::size_t j = 0; j < 60; ++j) BOOST_TEST(reach[l][j] >= reach[l + 1][j]);
  for (double& weight : read) weight *= 8;
  const lists scaled = token_reach(gains, read);
  for (std::size_t j = 0; j < 60; ++j) BOOST_TEST(scaled[0][j] == 8 * reach[0][j]);
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_the_executor_or_the_instructions) {
  const auto gains = random_gains(3, 1200);
  const auto read = positions_read({}, 1200);
  const lists expected = token_reach(support::one_thread, gains, read);
  for (const auto& exec : support::every_executor)
    BOOST_TEST((token_reach(exec, gains, read) == expected), "other bits with " << exec);
  support::with_every_instructions([&] { BOOST_TEST((token_reach(gains, read) == expected)); });
}

BOOST_AUTO_TEST_CASE(what_cannot_be_used_is_refused) {
  const std::vector<token_gains> gains{token_gains(matrix<float>(2, 2)),
                                       token_gains(matrix<float>(3, 3))};
  const auto reach = [](const std::vector<token_gains>& of, std::vector<double> read) {
    return [&of, read] { (void)token_reach(of, read); };
  };
  support::check_error<tamp::shape_error>(
      "token_reach: the gains of block 1 are of 3 tokens, 2 are read", reach(gains, {1, 1}));
  support::check_error<tamp::value_error>(
      "token_reach: the weight with which token 1 is read is -1", reach(gains, {1, -1}));
  support::check_error<tamp::value_error>(
      "token_reach: the weight with which token 0 is read is nan", reach(gains, {NAN, 1}));
  support::check_error<tamp::value_error>(
      "token_reach: the weight with which token 0 is read is inf", reach(gains, {INFINITY, 1}));
  support::check_error<tamp::value_error>("token_reach: none of 2 tokens is read",
                                          reach(gains, {0, 0}));
  support::check_error<tamp::value_error>("token_reach: none of 0 tokens is read",
                                          reach(gains, {}));
  support::check_error<tamp::shape_error>(
      "token_reach: 2 weights of the tokens read lie at a null pointer", [&] {
        (void)token_reach(gains, std::span<const double>(static_cast<const double*>(nullptr), 2));
      });
  support::check_error<tamp::shape_error>(
      "token_reach: 2 gains of blocks lie at a null pointer", [&] {
        (void)token_reach(std::span<const token_gains>(static_cast<const token_gains*>(nullptr), 2),
                          std::vector<double>{1});
      });
}

BOOST_AUTO_TEST_CASE(a_reach_too_large_for_a_double_is_refused_by_block_and_token) {
  const std::vector<token_gains> gains(20, token_gains(matrix<float>{{0, 0}, {0, 1e38f}}));
  support::check_error<tamp::value_error>(
      "token_reach: the reach of token 1 in block 11 is too large to be counted",
      [&] { (void)token_reach(gains, std::vector<double>{0, 1}); });
}

BOOST_AUTO_TEST_CASE(the_text_behind_the_last_image_is_read) {
  constexpr auto t = modality::text, i = modality::image, a = modality::audio;
  const auto read = [](std::vector<modality> kinds) { return positions_read(kinds, kinds.size()); };
  using weights = std::vector<double>;
  BOOST_TEST((read({t, i, i, t, t}) == weights{0, 0, 0, 0.5, 0.5}));
  BOOST_TEST((read({i, t, t, a, t, t, t, t}) == weights{0, 0, 0, 0, 0.25, 0.25, 0.25, 0.25}));
  BOOST_TEST((read({t, t}) == weights{0.5, 0.5}));
  BOOST_TEST((read({t, i}) == weights{0, 1}));
  BOOST_TEST((read({i}) == weights{1}));
  BOOST_TEST((positions_read({}, 4) == weights(4, 0.25)));
  BOOST_TEST(positions_read({}, 0).empty());
  support::check_error<tamp::shape_error>("positions_read: 2 modalities for 3 tokens",
                                          [&] { (void)positions_read(std::vector{t, t}, 3); });
  support::check_error<tamp::shape_error>(
      "positions_read: 2 modalities lie at a null pointer", [&] {
        (void)positions_read(std::span<const modality>(static_cast<const modality*>(nullptr), 2),
                             2);
      });
}

BOOST_AUTO_TEST_SUITE_END()
