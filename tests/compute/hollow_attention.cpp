#include <tamp/compute/hollow_attention.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <sstream>
#include <tamp/execute/openmp.hpp>
#include <vector>

#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(compute_hollow_attention)

using support::check_error;
using support::matrix;
using tamp::modality;
using tamp::compute::hollow_attention;
using tamp::compute::key_range;
using enum tamp::modality;

namespace {

using kinds = std::vector<modality>;

constexpr std::size_t windows[] = {0,  1,  2,    5,
                                   17, 64, 1000, std::numeric_limits<std::size_t>::max()};

// "tiivt": text, image, image, video, text.
kinds parse(std::string_view letters) {
  kinds k;
  for (const char c : letters)
    k.push_back(c == 't' ? text : c == 'i' ? image : c == 'a' ? audio : video);
  return k;
}

std::vector<kinds> some_kinds() {
  std::vector<kinds> all{{},           parse("t"),     parse("i"),
                         parse("ttt"), parse("iiiii"), parse("titititvatitit")};
  kinds prompt(9, text);  // two images of different kinds with text around them
  prompt.insert(prompt.end(), 90, image);
  prompt.insert(prompt.end(), 5, text);
  prompt.insert(prompt.end(), 70, video);
  prompt.insert(prompt.end(), 26, text);
  all.push_back(prompt);
  kinds rows;  // an image whose rows end with a token of text
  for (int row = 0; row < 12; ++row) {
    rows.insert(rows.end(), 13, image);
    rows.push_back(text);
  }
  all.push_back(rows);
  std::mt19937 random(3);
  kinds mixed(150);
  for (modality& kind : mixed) kind = static_cast<modality>(random() % 4);
  all.push_back(mixed);
  return all;
}

// The docstring, word by word.
bool by_definition(const hollow_attention& h, const kinds& k, std::size_t query, std::size_t key) {
  if (key > query) return false;
  return k[query] == text || k[key] == text || query - key < h.window;
}

struct head {
  matrix<float> q, k, v;

  head(std::size_t tokens, std::size_t width, std::size_t value_width, unsigned seed)
      : q(support::random_matrix(tokens, width, seed)),
        k(support::random_matrix(tokens, width, seed + 1)),
        v(support::random_matrix(tokens, value_width, seed + 2)) {}
};

// Over the whole square, in double.
matrix<double> brute_force(const hollow_attention& h, const head& x, const kinds& k, double scale) {
  matrix<double> out(k.size(), x.v.cols());
  for (std::size_t i = 0; i < k.size(); ++i) {
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    std::vector<double> scores(k.size(), most);
    for (std::size_t j = 0; j < k.size(); ++j) {
      if (!by_definition(h, k, i, j)) continue;
      scores[j] = 0;
      for (std::size_t d = 0; d < x.q.cols(); ++d)
        scores[j] += scale * double(x.q(i, d)) * double(x.k(j, d));
      most = std::max(most, scores[j]);
    }
    for (std::size_t j = 0; j < k.size(); ++j) {
      if (!by_definition(h, k, i, j)) continue;
      const double weight = std::exp(scores[j] - most);
      sum += weight;
      for (std::size_t d = 0; d < x.v.cols(); ++d) out(i, d) += weight * double(x.v(j, d));
    }
    if (sum != 0)
      for (std::size_t d = 0; d < x.v.cols(); ++d) out(i, d) /= sum;
  }
  return out;
}

template <class Left, class Right>
double farthest(const Left& a, const Right& b) {
  double apart = 0;
  for (std::size_t k = 0; k < a.rows() * a.cols(); ++k)
    apart = std::max(apart, std::abs(double(a.data()[k]) - double(b.data()[k])));
  return apart;
}

matrix<float> attend(const hollow_attention& h, const head& x, const kinds& k, float scale) {
  matrix<float> out(k.size(), x.v.cols(), 77.0f);
  tamp::compute::attend(tamp::view(x.q), tamp::view(x.k), tamp::view(x.v), k, scale,
                        tamp::view(out), h);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand) {
  const kinds k = parse("tiiit");
  std::ostringstream two, one, none;
  two << hollow_attention{2}.mask(k);
  BOOST_TEST(two.str() == "#....\n##...\n###..\n#.##.\n#####\n");
  one << hollow_attention{1}.mask(k);
  BOOST_TEST(one.str() == "#....\n##...\n#.#..\n#..#.\n#####\n");
  none << hollow_attention{0}.mask(k);
  BOOST_TEST(none.str() == "#....\n#....\n#....\n#....\n#####\n");
  BOOST_TEST(hollow_attention{2}.products(k) == 14u);
}

BOOST_AUTO_TEST_CASE(values_by_hand) {
  // The queries score ln 3 with the second key and 0 with the others.
  const kinds k = parse("iii");
  const matrix<float> q(3, 1, 1.0f), keys{{0}, {std::log(3.0f)}, {0}}, v{{4, 0}, {8, 1}, {0, 2}};
  matrix<float> out(3, 2);
  tamp::compute::attend(tamp::view(q), tamp::view(keys), tamp::view(v), k, 1.0f, tamp::view(out),
                        hollow_attention{2});
  const matrix<double> expected{{4, 0}, {7, 0.75}, {6, 1.25}};
  BOOST_TEST(farthest(out, expected) < 1e-6);
}

BOOST_AUTO_TEST_CASE(the_mask_is_the_definition) {
  for (const kinds& k : some_kinds())
    for (const std::size_t window : windows) {
      const hollow_attention h{window};
      const tamp::mask::bitmask mask = h.mask(k);
      BOOST_TEST((mask.rows() == k.size() && mask.cols() == k.size()));
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < k.size(); ++i)
        for (std::size_t j = 0; j < k.size(); ++j)
          wrong += mask(i, j) != by_definition(h, k, i, j) ||
                   h.allowed(k, i, j) != by_definition(h, k, i, j);
      BOOST_TEST(wrong == 0u);
    }
}

BOOST_AUTO_TEST_CASE(products_are_the_pairs_of_the_mask) {
  for (const kinds& k : some_kinds())
    for (const std::size_t window : windows)
      BOOST_TEST(hollow_attention{window}.products(k) == hollow_attention{window}.mask(k).count());
  // 100,000 tokens: the square would have 1.25 gigabytes.
  kinds k(100000, image);
  k[0] = text;
  BOOST_TEST(hollow_attention{10}.products(k) == 1u + 99999u * 11u - 45u);
  BOOST_TEST(hollow_attention{200000}.products(k) == 100000ull * 100001ull / 2);
}

BOOST_AUTO_TEST_CASE(ranges_have_all_keys_and_no_useless_text) {
  for (const kinds& k : some_kinds())
    for (const std::size_t window : windows) {
      const hollow_attention h{window};
      for (std::size_t begin = 0; begin <= k.size(); ++begin)
        for (const std::size_t size : {0u, 1u, 4u, 16u}) {
          const std::size_t end = std::min(begin + size, k.size());
          const auto ranges = h.ranges(k, begin, end);
          std::vector<bool> covered(k.size());
          for (std::size_t r = 0; r < ranges.size(); ++r) {
            BOOST_REQUIRE((ranges[r].begin < ranges[r].end && ranges[r].end <= end));
            BOOST_REQUIRE((r == 0 || ranges[r - 1].end < ranges[r].begin));
            for (std::size_t key = ranges[r].begin; key < ranges[r].end; ++key) covered[key] = true;
          }
          for (std::size_t key = 0; key < k.size(); ++key) {
            bool needed = false;
            for (std::size_t q = begin; q < end; ++q) needed |= by_definition(h, k, q, key);
            // Only visual keys among the queries themselves may be there in vain, and none unless
            // the window is so narrow that they do not even see themselves.
            if (needed != covered[key])
              BOOST_REQUIRE((covered[key] && key >= begin && window == 0));
          }
        }
    }
}

BOOST_AUTO_TEST_CASE(ranges_by_hand) {
  const kinds k = parse("ttiiiitiiii");
  const hollow_attention h{2};
  using ranges = std::vector<key_range>;
  BOOST_TEST((h.ranges(k, 9, 11) == ranges{{0, 2}, {6, 7}, {8, 11}}));
  BOOST_TEST((h.ranges(k, 8, 9) == ranges{{0, 2}, {6, 9}}));
  BOOST_TEST((h.ranges(k, 6, 7) == ranges{{0, 7}}));
  BOOST_TEST((h.ranges(k, 6, 9) == ranges{{0, 9}}));
  BOOST_TEST((h.ranges(k, 4, 4) == ranges{}));
  BOOST_TEST((hollow_attention{0}.ranges(parse("i"), 0, 1) == ranges{}));
  check_error<tamp::shape_error>("hollow_attention: queries 3 to 12 leave a sequence of 11 tokens",
                                 [&] { h.ranges(k, 3, 12); });
  check_error<tamp::shape_error>("hollow_attention: queries 3 to 2 leave a sequence of 11 tokens",
                                 [&] { h.ranges(k, 3, 2); });
}

BOOST_AUTO_TEST_CASE(the_band_is_the_masked_softmax_to_rounding) {
  unsigned seed = 1;
  for (const kinds& k : some_kinds())
    for (const std::size_t window : windows)
      for (const auto& [width, value_width] : {std::pair{1u, 3u}, {7u, 1u}, {64u, 64u}}) {
        const head x(k.size(), width, value_width, ++seed);
        const hollow_attention h{window};
        const float scale = 1 / std::sqrt(float(width));
        const matrix<double> expected = brute_force(h, x, k, double(scale));
        BOOST_TEST(farthest(attend(h, x, k, scale), expected) < 3e-6,
                   k.size() << " tokens, window " << window << ", " << width << " columns");
      }
}

BOOST_AUTO_TEST_CASE(long_sequences_stay_as_exact) {
  kinds k(3000, image);
  for (std::size_t t = 0; t < 1200; ++t) k[t * 5 % 3000] = text;
  const head x(3000, 8, 4, 5);
  const hollow_attention h{700};
  BOOST_TEST(farthest(attend(h, x, k, 0.02f), brute_force(h, x, k, double(0.02f))) < 1e-6);
}

BOOST_AUTO_TEST_CASE(sharp_scores_and_negative_scales_are_right) {
  const kinds k = some_kinds()[6];
  head x(k.size(), 16, 5, 11);
  const hollow_attention h{20};
  for (const float scale : {40.0f, -3.0f, 0.0f, 1e-30f, 1e5f}) {
    // Scores in float are off by some 1e-6 of their size, and so, relatively, are the weights.
    const double tolerance = 3e-6 * std::max(1.0, 30.0 * double(std::abs(scale)));
    BOOST_TEST(farthest(attend(h, x, k, scale), brute_force(h, x, k, double(scale))) < tolerance,
               "scale " << scale);
  }
}

BOOST_AUTO_TEST_CASE(large_numbers_do_not_overflow) {
  const kinds k = parse("tiit");
  const matrix<float> q{{1e15f}, {-1e15f}, {1e15f}, {1e18f}}, keys{{1e18f}, {2e18f}, {3e18f}, {1}},
      v{{1e36f}, {2e36f}, {-3e36f}, {4e36f}};
  matrix<float> out(4, 1);
  tamp::compute::attend(tamp::view(q), tamp::view(keys), tamp::view(v), k, 1.0f, tamp::view(out),
                        hollow_attention{1});
  BOOST_TEST((out == matrix<float>{{1e36f}, {1e36f}, {-3e36f}, {-3e36f}}));
}

BOOST_AUTO_TEST_CASE(a_query_that_may_see_nothing_gets_zeros) {
  const kinds k = parse("iiti");
  const head x(4, 3, 2, 1);
  const matrix<float> out = attend(hollow_attention{0}, x, k, 1.0f);
  for (std::size_t i : {0u, 1u})
    for (std::size_t j : {0u, 1u}) BOOST_TEST(out(i, j) == 0.0f);
  for (std::size_t j : {0u, 1u})
    BOOST_TEST(out(3, j) == x.v(2, j), boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(a_window_of_all_tokens_is_causal_attention_whatever_the_kinds) {
  const head x(150, 8, 8, 4);
  const matrix<float> dense = attend(hollow_attention{0}, x, kinds(150, text), 0.3f);
  BOOST_TEST(farthest(attend(hollow_attention{150}, x, some_kinds().back(), 0.3f), dense) < 1e-6);
}

BOOST_AUTO_TEST_CASE(far_visual_keys_have_no_influence) {
  const kinds k = some_kinds()[6];
  head x(k.size(), 8, 8, 4);
  const hollow_attention h{10};
  const matrix<float> before = attend(h, x, k, 0.5f);
  for (std::size_t j = 0; j < 8; ++j) x.k(20, j) = x.v(20, j) = 50.0f;
  const matrix<float> after = attend(h, x, k, 0.5f);
  for (std::size_t i = 0; i < k.size(); ++i) {
    bool same = true;
    for (std::size_t j = 0; j < 8; ++j) same &= before(i, j) == after(i, j);
    BOOST_TEST(same == !by_definition(h, k, i, 20), "query " << i);
  }
}

BOOST_AUTO_TEST_CASE(executors_change_no_bit) {
  for (const kinds& k : some_kinds()) {
    const head x(k.size(), 12, 9, 8);
    const hollow_attention h{23};
    const matrix<float> expected = attend(h, x, k, 0.4f);
    const auto with = [&](const auto& exec) {
      matrix<float> out(k.size(), 9);
      h.attend(exec, tamp::view(x.q), tamp::view(x.k), tamp::view(x.v), k, 0.4f, tamp::view(out));
      return out;
    };
    for (const auto& exec : support::every_executor) BOOST_TEST((with(exec) == expected), exec);
    BOOST_TEST((with(tamp::execute::openmp{3}) == expected));
  }
}

BOOST_AUTO_TEST_CASE(any_layout_does) {
  const kinds k = some_kinds().back();
  const head x(k.size(), 6, 5, 9);
  const hollow_attention h{12};
  const matrix<float> expected = attend(h, x, k, 0.4f);
  support::in_every_layout(x.q, [&](tamp::matrix_view<float> q) {
    support::in_every_layout(x.k, [&](tamp::matrix_view<float> keys) {
      matrix<float> out(k.size(), 5);
      tamp::compute::attend(q, keys, tamp::view(x.v), k, 0.4f, tamp::view(out), h);
      BOOST_TEST((out == expected));
    });
  });
  support::in_every_layout(x.v, [&](tamp::matrix_view<float> v) {
    support::in_every_layout(matrix<float>(k.size(), 5), [&](tamp::matrix_view<float> out) {
      tamp::compute::attend(tamp::view(x.q), tamp::view(x.k), v, k, 0.4f, out, h);
      BOOST_TEST((support::copy_of(out) == expected));
    });
  });
}

BOOST_AUTO_TEST_CASE(the_output_may_take_the_place_of_the_queries) {
  const kinds k = some_kinds()[7];
  head x(k.size(), 6, 6, 2);
  const hollow_attention h{12};
  const matrix<float> expected = attend(h, x, k, 0.4f);
  tamp::compute::attend(tamp::view(x.q), tamp::view(x.k), tamp::view(x.v), k, 0.4f, tamp::view(x.q),
                        h);
  BOOST_TEST((x.q == expected));
}

BOOST_AUTO_TEST_CASE(the_last_queries_alone_get_the_same) {
  for (const kinds& k : some_kinds()) {
    const head x(k.size(), 8, 4, 6);
    const hollow_attention h{9};
    const matrix<float> all = attend(h, x, k, 0.4f);
    for (const std::size_t count : {0u, 1u, 7u, 40u}) {
      if (count > k.size()) continue;
      const std::size_t before = k.size() - count;
      matrix<float> out(count, 4);
      tamp::compute::attend(tamp::view(x.q.data() + before * 8, count, 8), tamp::view(x.k),
                            tamp::view(x.v), k, 0.4f, tamp::view(out), h);
      BOOST_TEST(farthest(out, tamp::view(all.data() + before * 4, count, 4)) < 1e-6);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_work_of_an_image_does_not_grow_with_its_square) {
  // 200,000 visual tokens: 2e10 pairs if all met, 1e7 in the band.
  const kinds k(200000, image);
  const head x(200000, 2, 2, 1);
  const matrix<float> out = attend(hollow_attention{50}, x, k, 1.0f);
  BOOST_TEST(out(0, 1) == x.v(0, 1), boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_is_refused_and_nothing_is_written) {
  const kinds k = parse("tiiitt");
  const hollow_attention h{1};
  for (const float bad : {support::not_a_number, support::infinity}) {
    const std::string is = bad != bad ? "nan" : "inf";
    for (int which = 0; which < 3; ++which) {
      head x(6, 11, 11, 1);
      (which == 0 ? x.q : which == 1 ? x.k : x.v)(2, 9) = bad;
      matrix<float> out(6, 11, 5.0f);
      const char* names[] = {"query", "key", "value"};
      check_error<tamp::value_error>(tamp::detail::sentence("hollow_attention: the ", names[which],
                                                            " of token 2, column 9 is ", is),
                                     [&] {
                                       tamp::compute::attend(tamp::view(x.q), tamp::view(x.k),
                                                             tamp::view(x.v), k, 1.0f,
                                                             tamp::view(out), h);
                                     });
      BOOST_TEST((out == matrix<float>(6, 11, 5.0f)));
    }
    head x(6, 2, 2, 1);
    check_error<tamp::value_error>("hollow_attention: the scale is " + is,
                                   [&] { attend(h, x, k, bad); });
  }
  head x(6, 2, 2, 1);
  matrix<float> q(2, 2), out(2, 2);
  q(1, 0) = support::not_a_number;  // of the last two tokens
  check_error<tamp::value_error>("hollow_attention: the query of token 5, column 0 is nan", [&] {
    tamp::compute::attend(tamp::view(q), tamp::view(x.k), tamp::view(x.v), k, 1.0f, tamp::view(out),
                          h);
  });
}

BOOST_AUTO_TEST_CASE(what_would_overflow_is_refused) {
  const kinds k = parse("t");
  const auto with = [&](float q, float key, float v, float scale) {
    const matrix<float> queries{{q}}, keys{{key}}, values{{v}};
    matrix<float> out(1, 1);
    tamp::compute::attend(tamp::view(queries), tamp::view(keys), tamp::view(values), k, scale,
                          tamp::view(out), hollow_attention{});
  };
  check_error<tamp::value_error>(
      "hollow_attention: with a scale of 1, queries of length 1048576, keys of "
      "8.307674973655724e+34 "
      "and values of 1 overflow a float",
      [&] { with(0x1p20f, 0x1p116f, 1, 1); });
  check_error<tamp::value_error>(
      "hollow_attention: with a scale of 1, queries of length 1, keys of 1 and values of "
      "4.253529586511731e+37 overflow a float",
      [&] { with(1, 1, 0x1p125f, 1); });
  // The score has room in a float, but the query times the scale has not.
  check_error<tamp::value_error>(
      "hollow_attention: with a scale of 8, queries of length 4.253529586511731e+37, keys of "
      "9.5367431640625e-07 and values of 1 overflow a float",
      [&] { with(0x1p125f, 0x1p-20f, 1, 8); });
  with(0x1p20f, 0x1p102f, 1, 1);
  // The scale times log2(e) has no room in a float, whatever the queries are.
  check_error<tamp::value_error>(
      "hollow_attention: with a scale of 3e+38, queries of length 0, keys of 1 "
      "and "
      "values of 1 overflow a float",
      [&] { with(0, 1, 1, 3e38f); });
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_fit_are_refused) {
  const kinds k = parse("tit");
  const auto with = [&](matrix<float> q, matrix<float> keys, matrix<float> v, matrix<float> out) {
    tamp::compute::attend(tamp::view(q), tamp::view(keys), tamp::view(v), k, 1.0f, tamp::view(out),
                          hollow_attention{});
  };
  using m = matrix<float>;
  check_error<tamp::shape_error>(
      "hollow_attention: there are 3 queries, 2 keys and 3 values of a sequence of 3 tokens",
      [&] { with(m(3, 4), m(2, 4), m(3, 4), m(3, 4)); });
  check_error<tamp::shape_error>(
      "hollow_attention: there are 3 queries, 3 keys and 4 values of a sequence of 3 tokens",
      [&] { with(m(3, 4), m(3, 4), m(4, 4), m(3, 4)); });
  check_error<tamp::shape_error>(
      "hollow_attention: there are 4 queries, 3 keys and 3 values of a sequence of 3 tokens",
      [&] { with(m(4, 4), m(3, 4), m(3, 4), m(4, 4)); });
  check_error<tamp::shape_error>("hollow_attention: queries have 4 columns, keys 5",
                                 [&] { with(m(3, 4), m(3, 5), m(3, 4), m(3, 4)); });
  check_error<tamp::shape_error>(
      "hollow_attention: the output is 3 x 4 for 3 queries and values of 6 columns",
      [&] { with(m(3, 4), m(3, 4), m(3, 6), m(3, 4)); });
  check_error<tamp::shape_error>(
      "hollow_attention: the output is 3 x 4 for 2 queries and values of 4 columns",
      [&] { with(m(2, 4), m(3, 4), m(3, 4), m(3, 4)); });
  const m zeros(3, 4);
  m row(1, 4);
  check_error<tamp::shape_error>(
      "hollow_attention: the elements (0, 0) and (1, 0) of the output share their memory: its "
      "strides are 0 and 1",
      [&] {
        tamp::compute::attend(tamp::view(zeros), tamp::view(zeros), tamp::view(zeros), k, 1.0f,
                              tamp::matrix_view<float>(row.data(), 3, 4, 0, 1), hollow_attention{});
      });
}

BOOST_AUTO_TEST_CASE(it_says_what_it_is) {
  BOOST_TEST(hollow_attention{}.label() == "hollow_attention 256");
  BOOST_TEST((hollow_attention{3} != hollow_attention{4}));
}

BOOST_AUTO_TEST_SUITE_END()
