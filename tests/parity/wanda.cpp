// Wanda's norms, its choice in each row and its n:m masks. Norms to 1e-5, masks exactly.

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <tamp/prune/select.hpp>
#include <tamp/score/wanda.hpp>
#include <tamp/stat/column_norm.hpp>
#include <vector>

#include "weights.hpp"

BOOST_AUTO_TEST_SUITE(parity_wanda)

namespace {

std::vector<float> scores(tamp::matrix_view<const float> weight, std::span<const float> norms) {
  std::vector<float> all;
  for (std::size_t i = 0; i < weight.rows(); ++i)
    for (std::size_t j = 0; j < weight.cols(); ++j)
      all.push_back(tamp::score::wanda{}(weight(i, j), norms[j]));
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_published_masks) {
  parity::vectors all("wanda");
  std::size_t differ = 0;
  for (std::size_t k = 0; k < all.inputs(); ++k) {
    const auto given = all[k];
    BOOST_TEST_CONTEXT("input " << k) {
      const auto weight = given.matrix("weight");
      const auto norms = parity::observed<tamp::stat::column_norm>(given);
      parity::check_close(norms.values(), given.values<float>("published_norm"), 1e-5);
      const parity::kept published = parity::published_keep(given);
      if (given.has("sparsity")) {
        const auto recipe = tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{},
                                          tamp::allocate::uniform{given.number("sparsity")});
        BOOST_TEST((parity::flags_of(tamp::select(weight, norms, recipe)) == published));
        all.equal();
        continue;
      }
      parity::with_n_of_m(given, tamp::score::wanda{}, [&](const auto& recipe) {
        const parity::kept ours = parity::flags_of(tamp::select(weight, norms, recipe));
        if (ours == published) return all.equal();
        const auto values = scores(weight, norms.values());
        BOOST_TEST((parity::drop_more_of_last_group<float>(ours, values, weight.cols(),
                                                           given.count("keep_n"),
                                                           given.count("of_m")) == published));
        BOOST_TEST(weight.cols() % given.count("of_m") != 0);
        ++differ;
        all.differs(parity::last_group);
      });
    }
  }
  BOOST_TEST(differ != 0);
  all.summarise();
}

BOOST_AUTO_TEST_SUITE_END()
