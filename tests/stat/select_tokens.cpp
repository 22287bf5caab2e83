#include <tamp/stat/select_tokens.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <vector>

#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(stat_select_tokens)

using support::matrix;

namespace {

// Takes the tokens of the first kind whose attention is above a limit.
struct attended {
  float limit = 0;
  std::vector<std::size_t> operator()(const auto&, const auto& output,
                                      std::span<const tamp::modality> kinds,
                                      std::span<const float> attention) const {
    std::vector<std::size_t> taken;
    for (std::size_t t = 0; t < output.rows(); ++t)
      if ((kinds.empty() || kinds[t] == kinds[0]) && attention[t] > limit) taken.push_back(t);
    return taken;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_selector_of_a_users_own_is_asked_on_any_executor) {
  using enum tamp::modality;
  const matrix<float> output(4, 2, 1.0f);
  const std::vector<tamp::modality> kinds{text, image, text, text};
  const std::vector<float> attention{0.1f, 0.5f, 0.3f, 0.2f};
  const std::vector<std::size_t> expected{2, 3}, all{1, 2, 3};
  BOOST_TEST(tamp::stat::select_tokens(output, kinds, attention, attended{0.15f}) == expected,
             boost::test_tools::per_element());
  BOOST_TEST(tamp::stat::select_tokens(output, {}, attention, attended{0.15f}) == all,
             boost::test_tools::per_element());
  for (const auto& exec : support::every_executor)
    BOOST_TEST(
        tamp::stat::select_tokens(exec, output, kinds, attention, attended{0.15f}) == expected,
        boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
