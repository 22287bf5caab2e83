#include <tamp/token/gather.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <tamp/tensor/any_view.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(token_gather)

using support::check_error;
using support::copy_of;
using support::in_every_layout;
using support::matrix;
using tamp::shape_error;
using tamp::token::gather_elements;
using tamp::token::gather_rows;
using tamp::token::merge_rows;
using tamp::token::merged_sizes;
using tamp::token::selection;
using indices = std::vector<std::size_t>;

namespace {

constexpr std::size_t nowhere = selection::nowhere;

// Tokens 0 and 3 become part of 1, token 4 of 5, token 2 is dropped.
const selection merging{{1, 5}, {0, 0, nowhere, 0, 1, 1}};

template <class T>
matrix<T> first_rows(const matrix<T>& m, std::size_t rows) {
  matrix<T> first(rows, m.cols());
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < m.cols(); ++j) first(i, j) = m(i, j);
  return first;
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_by_hand_in_every_layout) {
  const matrix<float> hidden{{0, 1}, {10, 11}, {20, 21}, {30, 31}};
  in_every_layout(hidden, [](auto m) {
    gather_rows(m, indices{0, 2, 3});
    BOOST_TEST((first_rows(copy_of(m), 3) == matrix<float>{{0, 1}, {20, 21}, {30, 31}}));
  });
}

BOOST_AUTO_TEST_CASE(rows_of_16_bits_are_moved_to_the_bit) {
  const matrix<float> numbers = support::random_matrix(7, 5, 3);
  const auto halves = support::as<tamp::f16>(numbers);
  const auto brains = support::as<tamp::bf16>(numbers);
  const indices kept{1, 2, 6};
  const auto check = [&](const auto& from) {
    in_every_layout(from, [&](auto m) {
      gather_rows(m, kept);
      const auto moved = copy_of(m);
      for (std::size_t k = 0; k < kept.size(); ++k)
        for (std::size_t j = 0; j < 5; ++j)
          BOOST_TEST(std::memcmp(&moved(k, j), &from(kept[k], j), 2) == 0);
    });
  };
  check(halves);
  check(brains);
}

BOOST_AUTO_TEST_CASE(rows_of_a_tensor_known_at_run_time_are_moved_and_merged) {
  const matrix<float> numbers =
      support::as<float>(support::as<tamp::bf16>(support::random_matrix(6, 3, 4)));
  const auto check = [&]<class T>(const matrix<T>& from) {
    in_every_layout(from, [&](auto m) {
      matrix<T> expected = from;
      gather_rows(expected, indices{1, 2, 5});
      gather_rows(tamp::any_view(m), indices{1, 2, 5});
      BOOST_TEST((first_rows(copy_of(m), 3) == first_rows(expected, 3)));
    });
    in_every_layout(from, [&](auto m) {
      matrix<T> expected = from;
      merge_rows(expected, merging, {});
      merge_rows(tamp::any_view(m), merging, {});
      BOOST_TEST((copy_of(m) == expected));
    });
  };
  check(numbers);
  check(support::as<double>(numbers));
  check(support::as<tamp::f16>(numbers));
  check(support::as<tamp::bf16>(numbers));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_to_at_run_time_is_refused) {
  matrix<tamp::f16> m(6, 3);
  const tamp::any_view view = tamp::view(m);
  check_error<tamp::value_error>(
      "any_view: this tensor of 6 x 3 F16 is read-only and cannot be written to",
      [&] { gather_rows(view.as_const(), indices{1}); });
  check_error<tamp::value_error>(
      "any_view: this tensor of 6 x 3 F16 is read-only and cannot be written to",
      [&] { merge_rows(view.as_const(), merging, {}); });
  check_error<shape_error>("gather_rows: kept token 0 is 6, outside of 6 rows",
                           [&] { gather_rows(view, indices{6}); });
}

BOOST_AUTO_TEST_CASE(any_selection_of_rows_is_moved) {
  std::mt19937 random(11);
  for (int round = 0; round < 40; ++round) {
    const matrix<float> from = support::random_matrix(13, 4, unsigned(round));
    indices kept;
    for (std::size_t t = 0; t < 13; ++t)
      if (random() % 2 == 0) kept.push_back(t);
    matrix<float> to = from;
    gather_rows(to, kept);
    for (std::size_t k = 0; k < kept.size(); ++k)
      for (std::size_t j = 0; j < 4; ++j) BOOST_TEST(to(k, j) == from(kept[k], j));
    for (std::size_t i = kept.size(); i < 13; ++i)  // what the host cuts off is not touched
      for (std::size_t j = 0; j < 4; ++j) BOOST_TEST(to(i, j) == from(i, j));
  }
}

BOOST_AUTO_TEST_CASE(kept_tokens_may_be_in_any_order) {
  const matrix<float> hidden{{0, 1}, {10, 11}, {20, 21}, {30, 31}};
  in_every_layout(hidden, [](auto m) {
    gather_rows(m, indices{3, 0, 2});
    BOOST_TEST((first_rows(copy_of(m), 3) == matrix<float>{{30, 31}, {0, 1}, {20, 21}}));
    BOOST_TEST(copy_of(m)(3, 0) == 30.0f);  // what the host cuts off is not touched
  });
  std::mt19937 random(12);
  for (int round = 0; round < 40; ++round) {
    const auto from = support::as<tamp::bf16>(support::random_matrix(13, 4, unsigned(round)));
    indices kept(13);
    std::iota(kept.begin(), kept.end(), std::size_t{0});
    std::shuffle(kept.begin(), kept.end(), random);
    kept.resize(random() % 14);
    auto to = from;
    gather_rows(to, kept);
    std::vector<std::string> words;
    for (std::size_t t = 0; t < 13; ++t) words.push_back(std::string(30, char('a' + t)));
    gather_elements(words, kept);
    BOOST_TEST(words.size() == kept.size());
    for (std::size_t k = 0; k < kept.size(); ++k) {
      BOOST_TEST(words[k] == std::string(30, char('a' + kept[k])));
      for (std::size_t j = 0; j < 4; ++j)
        BOOST_TEST(std::memcmp(&to(k, j), &from(kept[k], j), 2) == 0);
    }
  }
  std::vector<bool> flags{true, false, false};
  gather_elements(flags, indices{2, 0});
  BOOST_TEST((flags == std::vector<bool>{false, true}));
  // Merged rows and their sizes, too: places in `into` are those in `kept`.
  const selection turned{{5, 1}, {1, 1, nowhere, 1, 0, 0}};
  BOOST_TEST(merged_sizes(turned) == (std::vector{2.0f, 3.0f}), boost::test_tools::per_element());
  BOOST_TEST(
      merged_sizes(selection{{2, 0}}, std::vector<float>{4, 5, 6}) == (std::vector{6.0f, 4.0f}),
      boost::test_tools::per_element());
  const matrix<float> six{{1, 0}, {2, 30}, {9, 9}, {6, 60}, {1, 5}, {3, 7}};
  in_every_layout(six, [&](auto m) {
    merge_rows(m, turned, {});
    BOOST_TEST((first_rows(copy_of(m), 2) == matrix<float>{{2, 6}, {3, 30}}));
  });
}

BOOST_AUTO_TEST_CASE(all_or_nothing_may_be_kept) {
  const matrix<float> from = support::random_matrix(3, 2, 1);
  matrix<float> to = from;
  gather_rows(to, indices{0, 1, 2});
  BOOST_TEST((to == from));
  gather_rows(to, indices{});
  BOOST_TEST((to == from));
  matrix<float> none(0, 2);
  gather_rows(none, indices{});
}

BOOST_AUTO_TEST_CASE(elements_by_hand) {
  indices positions{7, 8, 9, 12};
  gather_elements(positions, indices{1, 3});
  BOOST_TEST(positions == (indices{8, 12}), boost::test_tools::per_element());
  std::vector<std::string> words{"a", "long enough not to lie in the string itself", "c"};
  gather_elements(words, indices{0, 1});  // the first stays in its place
  BOOST_TEST(words[0] == "a");
  BOOST_TEST(words[1] == "long enough not to lie in the string itself");
  gather_elements(words, indices{});
  BOOST_TEST(words.empty());
}

BOOST_AUTO_TEST_CASE(sizes_by_hand) {
  BOOST_TEST(merged_sizes(merging) == (std::vector{3.0f, 2.0f}), boost::test_tools::per_element());
  const std::vector<float> sizes{1, 2, 4, 8, 16, 32};
  BOOST_TEST(merged_sizes(merging, sizes) == (std::vector{11.0f, 48.0f}),
             boost::test_tools::per_element());
  const selection dropping{{1, 5}, {}};
  BOOST_TEST(merged_sizes(dropping) == (std::vector{1.0f, 1.0f}), boost::test_tools::per_element());
  BOOST_TEST(merged_sizes(dropping, sizes) == (std::vector{2.0f, 32.0f}),
             boost::test_tools::per_element());
  BOOST_TEST(merged_sizes({}).empty());
}

BOOST_AUTO_TEST_CASE(merged_rows_by_hand_in_every_layout) {
  const matrix<float> hidden{{1, 0}, {2, 30}, {9, 9}, {6, 60}, {1, 5}, {3, 7}};
  in_every_layout(hidden, [](auto m) {
    merge_rows(m, merging, {});
    BOOST_TEST((first_rows(copy_of(m), 2) == matrix<float>{{3, 30}, {2, 6}}));
  });
  // (1 * 1 + 2 * 2 + 5 * 6) / 8, (0 + 2 * 30 + 5 * 60) / 8; (3 * 1 + 1 * 3) / 4, (3 * 5 + 7) / 4
  const std::vector<float> sizes{1, 2, 100, 5, 3, 1};
  in_every_layout(hidden, [&](auto m) {
    merge_rows(m, merging, sizes);
    BOOST_TEST((first_rows(copy_of(m), 2) == matrix<float>{{4.375f, 45}, {1.5f, 5.5f}}));
  });
}

BOOST_AUTO_TEST_CASE(merged_rows_of_other_elements) {
  const matrix<float> hidden{{1, 0}, {2, 30}, {9, 9}, {6, 60}, {1, 5}, {3, 7}};
  auto halves = support::as<tamp::f16>(hidden);
  merge_rows(halves, merging, {});
  BOOST_TEST((support::as<float>(first_rows(halves, 2)) == matrix<float>{{3, 30}, {2, 6}}));
  auto doubles = support::as<double>(hidden);
  merge_rows(doubles, merging, {});
  BOOST_TEST((first_rows(doubles, 2) == matrix<double>{{3, 30}, {2, 6}}));
}

BOOST_AUTO_TEST_CASE(a_token_that_nothing_joins_stays_as_it_is) {
  const matrix<float> from = support::random_matrix(5, 6, 4);
  matrix<float> to = from;
  const std::vector<float> sizes{3, 7, 0.1f, 1, 1};
  merge_rows(to, selection{{1, 2, 4}, {nowhere, 0, 1, nowhere, 2}}, sizes);
  matrix<float> kept = from;
  gather_rows(kept, indices{1, 2, 4});
  BOOST_TEST((first_rows(to, 3) == first_rows(kept, 3)));
}

// With its sizes a second step of merging gives the mean of all tokens of the first.
BOOST_AUTO_TEST_CASE(merging_twice_is_merging_at_once) {
  matrix<float> step{{1}, {3}, {5}, {15}};
  const selection pairs{{0, 3}, {0, 0, 1, 1}}, all{{1}, {0, 0}};
  auto sizes = merged_sizes(pairs);
  merge_rows(step, pairs, {});
  matrix<float> half = first_rows(step, 2);
  merge_rows(half, all, sizes);
  BOOST_TEST(half(0, 0) == 6.0f);
  BOOST_TEST(merged_sizes(all, sizes) == (std::vector{4.0f}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_merging_rows_are_kept) {
  matrix<float> hidden{{0, 1}, {10, 11}, {20, 21}};
  merge_rows(hidden, selection{{0, 2}, {}}, {});
  BOOST_TEST((first_rows(hidden, 2) == matrix<float>{{0, 1}, {20, 21}}));
}

BOOST_AUTO_TEST_CASE(what_is_not_kept_properly_is_refused_and_nothing_is_moved) {
  const matrix<float> whole = support::random_matrix(4, 2, 2);
  matrix<float> hidden = whole;
  indices positions{5, 6, 7, 8};
  const auto refuse = [&](const indices& kept, const std::string& sentence) {
    check_error<shape_error>("gather_rows: " + sentence, [&] { gather_rows(hidden, kept); });
    check_error<shape_error>("gather_elements: " + sentence,
                             [&] { gather_elements(positions, kept); });
    check_error<shape_error>("gather_rows: " + sentence,
                             [&] { merge_rows(hidden, selection{kept, {}}, {}); });
    check_error<shape_error>("merge_rows: " + sentence,
                             [&] { merge_rows(hidden, selection{kept, {0, 0, 0, 0}}, {}); });
    BOOST_TEST((hidden == whole));
    BOOST_TEST(positions == (indices{5, 6, 7, 8}), boost::test_tools::per_element());
  };
  refuse({1, 4}, "kept token 1 is 4, outside of 4 rows");
  refuse({3, 4, 0}, "kept token 1 is 4, outside of 4 rows");
  refuse({1, 1}, "kept token 1 is 1, as one before it, of 4 rows");
  refuse({3, 1, 0, 3}, "kept token 3 is 3, as one before it, of 4 rows");
}

BOOST_AUTO_TEST_CASE(selections_that_do_not_fit_are_refused_and_nothing_is_moved) {
  const matrix<float> whole = support::random_matrix(4, 2, 2);
  matrix<float> hidden = whole;
  const auto refuse = [&](const selection& s, const std::vector<float>& sizes,
                          const std::string& sentence) {
    check_error<shape_error>("merge_rows: " + sentence, [&] { merge_rows(hidden, s, sizes); });
    BOOST_TEST((hidden == whole));
  };
  refuse({{0, 2}, {0, 0, 1}}, {}, "the selection covers 3 tokens, the tensor 4");
  refuse({{0, 2}, {0, 0, 1, 1}}, {1, 2, 3}, "the selection covers 4 tokens, the sizes 3");
  refuse({{0, 2}, {0, 0, 1, 2}}, {}, "token 3 is merged into place 2 of 2");
  refuse({{0, 2}, {0, 0, 0, 1}}, {}, "kept token 2 is not merged into its own place");
  const auto refuse_size = [&](float size, const std::string& shown) {
    const std::vector<float> sizes{1, size, 1, 1};
    check_error<tamp::value_error>("merge_rows: the size of token 1 is " + shown, [&] {
      merge_rows(hidden, selection{{0, 2}, {0, 0, 1, 1}}, sizes);
    });
    check_error<tamp::value_error>("merged_sizes: the size of token 1 is " + shown,
                                   [&] { merged_sizes(selection{{0, 2}, {0, 0, 1, 1}}, sizes); });
    BOOST_TEST((hidden == whole));
  };
  refuse_size(0, "0");
  refuse_size(-1, "-1");
  refuse_size(support::infinity, "inf");
  refuse_size(support::not_a_number, "nan");
  const std::vector<float> three(3, 1.0f);
  check_error<shape_error>("merged_sizes: the selection covers 4 tokens, the sizes 3",
                           [&] { merged_sizes({{0, 2}, {0, 0, 1, 1}}, three); });
  check_error<shape_error>("merged_sizes: kept token 1 is 3, outside of 3 rows",
                           [&] { merged_sizes({{0, 3}, {}}, three); });
  check_error<shape_error>("merged_sizes: token 1 is merged into place 7 of 1",
                           [] { merged_sizes({{0}, {0, 7}}); });
}

BOOST_AUTO_TEST_CASE(tensors_whose_elements_share_memory_are_refused) {
  matrix<float> hidden = support::random_matrix(1, 2, 2);
  const matrix<float> before = hidden;
  const tamp::matrix_view<float> broadcast(hidden.data(), 4, 2, 0, 1);
  const std::string shared =
      "the elements (0, 0) and (1, 0) of the tensor share their memory: its strides are 0 and 1";
  check_error<shape_error>("gather_rows: " + shared, [&] { gather_rows(broadcast, indices{1}); });
  check_error<shape_error>("merge_rows: " + shared,
                           [&] { merge_rows(broadcast, selection{{0, 2}, {0, 0, 1, 1}}, {}); });
  BOOST_TEST((hidden == before));
}

BOOST_AUTO_TEST_SUITE_END()
