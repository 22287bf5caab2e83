#pragma once

// Sequences with all that a host could show of them, and what every token policy must do with them.

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <tamp/token/select.hpp>
#include <utility>
#include <vector>

#include "errors.hpp"
#include "stored_numbers.hpp"
#include "tensors.hpp"
#include "thorough.hpp"

namespace support {

using indices = std::vector<std::size_t>;
using tamp::modality;
using tamp::observable;

/// A host's own memory of one sequence at one layer.
struct scene {
  static constexpr std::size_t heads = 2;

  std::vector<modality> kinds;
  std::vector<float> attention;  // (heads, tokens, tokens)
  matrix<float> hidden, keys;
  std::vector<float> relevance, importance;
  std::vector<std::uint32_t> images;
  std::vector<tamp::token::grid> grids;  // of each unbroken run of one kind
  indices positions;

  std::size_t tokens() const { return kinds.size(); }
  float& attention_of(std::size_t head, std::size_t query, std::size_t token) {
    return attention[(head * tokens() + query) * tokens() + token];
  }
  float attention_of(std::size_t head, std::size_t query, std::size_t token) const {
    return attention[(head * tokens() + query) * tokens() + token];
  }
  indices visual() const {
    indices all;
    for (std::size_t t = 0; t < tokens(); ++t)
      if (kinds[t] != modality::text) all.push_back(t);
    return all;
  }
  tamp::token::context context() const {
    return {.kinds = kinds,
            .attention = {attention, heads, tokens()},
            .hidden = tamp::view(hidden),
            .keys = tamp::view(keys),
            .relevance = relevance,
            .importance = importance,
            .images = images,
            .grids = grids,
            .positions = positions};
  }
};

/// A grid for each image: as many frames as its number of tokens has as its least factor above 1.
inline std::vector<tamp::token::grid> grids_of(const std::vector<modality>& kinds) {
  std::vector<tamp::token::grid> grids;
  for (std::size_t t = 0; t < kinds.size(); ++t)
    if (kinds[t] != modality::text) {
      if (t == 0 || kinds[t - 1] != kinds[t]) grids.push_back({.width = 0});
      ++grids.back().width;
    }
  for (tamp::token::grid& g : grids) {
    for (g.frames = 2; g.frames < g.width && g.width % g.frames != 0;) ++g.frames;
    if (g.width == 1) g.frames = 1;
    g.width /= g.frames;
  }
  return grids;
}

/// Random numbers of these kinds: attention, relevance and importance above zero, the rest of both
/// signs.
inline scene scene_of(std::vector<modality> kinds, unsigned seed, std::size_t features = 6) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> probability(0.01f, 1.0f);
  scene s;
  s.kinds = std::move(kinds);
  s.hidden = random_matrix(s.tokens(), features, seed + 1);
  s.keys = random_matrix(s.tokens(), 8, seed + 2);
  s.attention.resize(s.heads * s.tokens() * s.tokens());
  for (float& a : s.attention) a = probability(random);
  s.relevance.resize(s.tokens());
  for (float& r : s.relevance) r = probability(random);
  s.importance.resize(s.tokens());
  for (float& i : s.importance) i = probability(random);
  s.grids = grids_of(s.kinds);
  s.positions.resize(s.tokens());
  std::iota(s.positions.begin(), s.positions.end(), std::size_t{0});
  return s;
}

/// Text, one image, text.
inline std::vector<modality> around_image(std::size_t before, std::size_t visual,
                                          std::size_t after) {
  std::vector<modality> kinds(before + visual + after, modality::text);
  std::fill_n(kinds.begin() + std::ptrdiff_t(before), visual, modality::image);
  return kinds;
}

/// The scene with its tokens in another order: token k is what order[k] was.
inline scene reordered(const scene& from, const indices& order) {
  scene to = from;
  for (std::size_t i = 0; i < order.size(); ++i) {
    to.kinds[i] = from.kinds[order[i]];
    to.relevance[i] = from.relevance[order[i]];
    to.importance[i] = from.importance[order[i]];
    to.positions[i] = from.positions[order[i]];
    for (std::size_t j = 0; j < from.hidden.cols(); ++j) to.hidden(i, j) = from.hidden(order[i], j);
    for (std::size_t j = 0; j < from.keys.cols(); ++j) to.keys(i, j) = from.keys(order[i], j);
    for (std::size_t head = 0; head < scene::heads; ++head)
      for (std::size_t j = 0; j < order.size(); ++j)
        to.attention_of(head, i, j) = from.attention_of(head, order[i], order[j]);
  }
  return to;
}

/// The properties of every selection of `keep` visual tokens.
inline void check_selection(const scene& s, const tamp::token::selection& made, std::size_t keep) {
  const std::size_t visual = s.visual().size();
  BOOST_TEST(std::is_sorted(made.kept.begin(), made.kept.end()));
  BOOST_TEST((std::adjacent_find(made.kept.begin(), made.kept.end()) == made.kept.end()));
  BOOST_TEST(made.kept.size() == s.tokens() - visual + std::min(keep, visual));
  std::size_t text = 0;
  for (const std::size_t t : made.kept) {
    BOOST_TEST_REQUIRE(t < s.tokens());
    text += s.kinds[t] == modality::text;
  }
  BOOST_TEST(text == s.tokens() - visual);
  // The order is one of the kept tokens, with text in its place. Targets are visual tokens.
  indices in_order = made.order;
  std::sort(in_order.begin(), in_order.end());
  for (std::size_t k = 0; k < in_order.size(); ++k) {
    BOOST_TEST(in_order[k] == k);
    if (s.kinds[made.kept[k]] == modality::text) BOOST_TEST(made.order[k] == k);
  }
  BOOST_TEST((made.order.empty() || made.order.size() == made.kept.size()));
  BOOST_TEST(std::is_sorted(made.targets.begin(), made.targets.end()));
  for (const std::size_t k : made.targets) BOOST_TEST((s.kinds[made.kept.at(k)] != modality::text));
  if (!made.merges()) return;
  BOOST_TEST_REQUIRE(made.into.size() == s.tokens());
  for (std::size_t k = 0; k < made.kept.size(); ++k) BOOST_TEST(made.into[made.kept[k]] == k);
  for (std::size_t t = 0; t < s.tokens(); ++t)
    if (made.into[t] != tamp::token::selection::nowhere) {
      BOOST_TEST_REQUIRE(made.into[t] < made.kept.size());
      BOOST_TEST((s.kinds[t] == s.kinds[made.kept[made.into[t]]]));
    }
}

/// The visual tokens of a selection.
inline indices visual_kept(const scene& s, const tamp::token::selection& made) {
  indices visual;
  for (const std::size_t t : made.kept)
    if (s.kinds[t] != modality::text) visual.push_back(t);
  return visual;
}

/// The differences between policies.
struct selector_traits {
  bool order_matters = false;    ///< which token stands beside which
  bool last_of_equals = false;   ///< of tokens equal in all, the last ones stay
  bool first_of_equals = false;  ///< of tokens equal in all, the first ones stay
  bool text_after = false;       ///< a sequence that ends with its image is refused
  bool pivots_of_text = false;   ///< hidden states of the text after are read where keys say so
};

namespace selectors {

template <class Policy>
void count_is_exact(const Policy& policy, bool text_after) {
  for (const std::size_t visual : {2u, 3u, 17u, 32u})
    for (const std::size_t after : {0u, 1u, 5u}) {
      if (text_after && after == 0) continue;
      const scene s = scene_of(around_image(2, visual, after), unsigned(visual + after));
      for (std::size_t keep = 0; keep < visual + 3; ++keep)
        check_selection(s, tamp::token::select(s.context(), policy, {.keep = keep}), keep);
    }
}

template <class Policy>
void layout_makes_no_difference(const Policy& policy) {
  const scene s = scene_of(around_image(2, 12, 3), 5, 11);
  const auto expected = tamp::token::select(s.context(), policy, {.keep = 5});
  in_every_layout(s.hidden, [&](auto hidden) {
    in_every_layout(s.keys, [&](auto keys) {
      auto c = s.context();
      c.hidden = hidden;
      c.keys = keys;
      BOOST_TEST((tamp::token::select(c, policy, {.keep = 5}) == expected));
    });
  });
}

// Calls use(context, form) with the numbers of a scene in every type and storage: hidden states and
// keys of two heads, and attention. They must be exact in bf16.
inline void in_every_form(
    const scene& s,
    const std::function<void(const tamp::token::context&, const std::string&)>& use) {
  const std::size_t tokens = s.tokens();
  const auto part_of_head = [](const matrix<float>& rows) {
    return [&rows](std::size_t head, std::size_t t, std::size_t j) {
      return rows(t, head * (rows.cols() / scene::heads) + j);
    };
  };
  const auto attention = [&](std::size_t head, std::size_t query, std::size_t t) {
    return s.attention_of(head, query, t);
  };
  std::size_t k = 0;
  const auto with_type = [&]<class T>(T, const std::string& type) {
    for (const storage& how : storages) {
      if (!is_run(k++, 3)) continue;
      const stored_numbers<T> hidden({2, tokens, s.hidden.cols() / 2}, how, part_of_head(s.hidden)),
          keys({2, tokens, s.keys.cols() / 2}, how, part_of_head(s.keys)),
          probabilities({scene::heads, tokens, tokens}, how, attention);
      tamp::token::context c = s.context();
      c.hidden = {hidden.data(), hidden.extents, hidden.strides};
      c.keys = {keys.data(), keys.extents, keys.strides};
      c.attention = {probabilities.data(), probabilities.extents, probabilities.strides, 0};
      use(c, type + ' ' + how.name);
    }
  };
  with_type(float(), "float");
  with_type(double(), "double");
  with_type(tamp::f16(), "f16");
  with_type(tamp::bf16(), "bf16");
  with_type(host_half(), "a host's half");
  // Of matrices, types at run time.
  const matrix<tamp::bf16> hidden = as<tamp::bf16>(s.hidden), keys = as<tamp::bf16>(s.keys);
  in_every_layout(hidden, [&](auto view) {
    tamp::token::context c = s.context();
    c.hidden = tamp::any_view(view);
    c.keys = tamp::any_view(tamp::view(keys));
    use(c, "any_view");
  });
}

/// A scene of numbers that are exact in bf16 and f16.
inline scene exact_scene(std::vector<modality> kinds, unsigned seed) {
  scene s = scene_of(std::move(kinds), seed);
  std::mt19937 random(seed);
  const auto fill = [&](float* numbers, std::size_t count, int least) {
    for (std::size_t k = 0; k < count; ++k) numbers[k] = float(int(random() % 255) + least) / 64;
  };
  fill(s.hidden.data(), s.tokens() * s.hidden.cols(), -127);
  fill(s.keys.data(), s.tokens() * s.keys.cols(), -127);
  fill(s.attention.data(), s.attention.size(), 1);
  return s;
}

template <class Policy>
void neither_type_nor_strides_make_a_difference(const Policy& policy) {
  for (unsigned seed = 0; seed < 2; ++seed) {
    const scene s = exact_scene(around_image(2, 70, 3), seed);
    for (const std::size_t keep : {15u, 40u}) {
      const auto expected = tamp::token::select(s.context(), policy, {.keep = keep});
      in_every_form(s, [&](const tamp::token::context& c, const std::string& form) {
        BOOST_TEST((tamp::token::select(c, policy, {.keep = keep}) == expected), form);
      });
    }
  }
}

template <class Policy>
void broken_numbers_of_any_type_are_refused(const Policy& policy) {
  scene s = exact_scene(around_image(2, 5, 3), 3);
  const auto refuse = [&](const std::string& sentence) {
    in_every_form(s, [&](const tamp::token::context& c, const std::string&) {
      check_error<tamp::value_error>(tamp::label(policy) + ": the " + sentence,
                                     [&] { tamp::token::select(c, policy, {.keep = 2}); });
    });
  };
  if (includes(Policy::reads, observable::keys)) {
    s.keys(4, 6) = -infinity;
    refuse("key of token 4, feature 6 is -inf");
  }
  if (includes(Policy::reads, observable::hidden)) {
    s.hidden(6, 4) = not_a_number;
    refuse("hidden state of token 6, feature 4 is nan");
  }
}

// Moving the visual tokens moves the choice with them.
template <class Policy>
void permutation_permutes_the_choice(const Policy& policy) {
  const std::size_t before = 3, visual = 14, after = 4;
  for (unsigned seed = 0; seed < 4; ++seed) {
    const scene s = scene_of(around_image(before, visual, after), seed);
    indices order(s.tokens());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin() + before, order.begin() + before + visual, std::mt19937(seed));
    const scene moved = reordered(s, order);
    for (const std::size_t keep : {1u, 4u, 9u, 13u}) {
      const auto was = tamp::token::select(s.context(), policy, {.keep = keep});
      const auto is = tamp::token::select(moved.context(), policy, {.keep = keep});
      indices back;
      for (const std::size_t t : is.kept) back.push_back(order[t]);
      std::sort(back.begin(), back.end());
      BOOST_TEST(back == was.kept, boost::test_tools::per_element());
    }
  }
}

template <class Policy>
void equal_tokens_are_told_apart(const Policy& policy, selector_traits traits) {
  const std::size_t before = 1, visual = 11;
  scene s = scene_of(around_image(before, visual, 3), 4);
  std::fill(s.attention.begin(), s.attention.end(), 0.25f);
  std::fill(s.relevance.begin(), s.relevance.end(), 0.5f);
  std::fill(s.importance.begin(), s.importance.end(), 0.5f);
  for (std::size_t t = 0; t < s.tokens(); ++t) {
    for (std::size_t j = 0; j < s.hidden.cols(); ++j) s.hidden(t, j) = float(j) - 1.7f;
    for (std::size_t j = 0; j < s.keys.cols(); ++j) s.keys(t, j) = float(j) + 0.3f;
  }
  for (std::size_t keep = 0; keep <= visual; ++keep) {
    const auto made = tamp::token::select(s.context(), policy, {.keep = keep});
    check_selection(s, made, keep);
    indices first(keep), last(keep);
    std::iota(first.begin(), first.end(), before);
    std::iota(last.begin(), last.end(), before + visual - keep);
    if (traits.first_of_equals)
      BOOST_TEST(visual_kept(s, made) == first, boost::test_tools::per_element());
    if (traits.last_of_equals)
      BOOST_TEST(visual_kept(s, made) == last, boost::test_tools::per_element());
  }
  for (float& number : std::span(s.hidden.data(), s.tokens() * s.hidden.cols())) number = 0;
  for (float& number : std::span(s.keys.data(), s.tokens() * s.keys.cols())) number = 0;
  std::fill(s.attention.begin(), s.attention.end(), 0.0f);
  for (std::size_t keep = 0; keep <= visual; ++keep)
    check_selection(s, tamp::token::select(s.context(), policy, {.keep = keep}), keep);
}

template <class Policy>
void few_tokens_are_welcome(const Policy& policy, bool text_after) {
  for (const auto& [before, visual, after] : {std::array<std::size_t, 3>{1, 1, 1},
                                              {0, 1, 1},
                                              {1, 1, 0},
                                              {0, 1, 0},
                                              {0, 2, 0},
                                              {3, 0, 0}}) {
    if (text_after && visual > 1 && after == 0) continue;  // with one there is nothing to decide
    const scene s = scene_of(around_image(before, visual, after), 9);
    for (const std::size_t keep : {0u, 1u, 2u, 100u})
      check_selection(s, tamp::token::select(s.context(), policy, {.keep = keep}), keep);
  }
  const std::vector<modality> words(3, modality::text);
  const auto text = tamp::token::select({.kinds = words}, policy, {.keep = 2});
  BOOST_TEST(text.kept == (indices{0, 1, 2}), boost::test_tools::per_element());
  BOOST_TEST(tamp::token::select({}, policy, {.keep = 2}).kept.empty());
}

template <class Policy>
void images_keep_their_minimum(const Policy& policy) {
  std::vector<modality> kinds;
  std::vector<std::uint32_t> images;
  for (const auto& [size, image] : {std::pair<std::size_t, unsigned>{5, 8}, {3, 2}, {9, 5}}) {
    kinds.push_back(modality::text);
    images.push_back(0);
    kinds.insert(kinds.end(), size, modality::image);
    images.insert(images.end(), size, image);
  }
  kinds.push_back(modality::text);
  images.push_back(0);
  for (unsigned seed = 0; seed < 4; ++seed) {
    scene s = scene_of(kinds, seed);
    for (const bool named : {false, true})
      for (std::size_t minimum = 0; minimum <= 4; ++minimum)
        for (const std::size_t keep : {11u, 12u, 16u, 20u}) {
          s.images = named ? images : std::vector<std::uint32_t>{};
          const auto made = tamp::token::select(s.context(), policy,
                                                {.keep = keep, .minimum_per_image = minimum});
          check_selection(s, made, keep);
          for (const auto& [image, size] :
               {std::pair<unsigned, std::size_t>{8, 5}, {2, 3}, {5, 9}}) {
            std::size_t stay = 0;
            for (const std::size_t t : visual_kept(s, made)) stay += images[t] == image;
            BOOST_TEST(stay >= std::min(minimum, size));
          }
        }
  }
}

inline constexpr observable every_attention[] = {observable::attention, observable::last_query,
                                                 observable::text_queries,
                                                 observable::visual_queries};

template <class Policy>
void broken_numbers_are_refused(const Policy& policy) {
  const std::size_t before = 2, visual = 5, after = 3;
  const scene whole = scene_of(around_image(before, visual, after), 3);
  const std::string who = tamp::label(policy);
  const auto refuse = [&](const scene& s, const std::string& sentence) {
    check_error<tamp::value_error>(sentence,
                                   [&] { tamp::token::select(s.context(), policy, {.keep = 2}); });
  };
  for (const auto& [number, name] :
       {std::pair<float, std::string>{not_a_number, "nan"}, {-1.0f, "-1"}, {infinity, "inf"}})
    for (const observable part : every_attention)
      if (includes(Policy::reads, part)) {
        const std::size_t query =
            part == observable::visual_queries ? before : before + visual + after - 1;
        scene s = whole;
        s.attention_of(1, query, 4) = number;
        refuse(s, who + ": the attention of head 1, query " + std::to_string(query) +
                      " to token 4 is " + name);
      }
  for (const auto& [number, name] :
       {std::pair<float, std::string>{not_a_number, "nan"}, {-infinity, "-inf"}}) {
    scene s = whole;
    if (includes(Policy::reads, observable::hidden)) {
      s.hidden(6, 1) = number;
      refuse(s, who + ": the hidden state of token 6, feature 1 is " + name);
    }
    if (includes(Policy::reads, observable::keys)) {
      s = whole;
      s.keys(3, 7) = number;
      refuse(s, who + ": the key of token 3, feature 7 is " + name);
    }
  }
}

// The numbers of each token are refused exactly where the policy says that it reads them.
template <class Policy>
void tokens_that_are_not_read_may_be_anything(const Policy& policy, bool pivots_of_text) {
  using tamp::token::token_set;
  std::vector<modality> kinds = around_image(2, 4, 1);  // words 0, 1, 6, 11 ... 13
  for (const modality kind : around_image(0, 4, 3)) kinds.push_back(kind);
  const scene whole = scene_of(kinds, 8);
  const auto select = [&](const scene& s) {
    return tamp::token::select(s.context(), policy, {.keep = 3});
  };
  const auto expected = select(whole);
  const std::string who = tamp::label(policy);
  const auto read = tamp::detail::tokens_read_by(policy, whole.context());
  const auto check = [&](const scene& s, std::size_t t, token_set set, bool anything,
                         const std::string& what) {
    if (anything && tamp::detail::set_members(s.context(), set)(t))
      check_error<tamp::value_error>(who + ": the " + what, [&] { select(s); });
    else
      BOOST_TEST((select(s) == expected), what);
  };
  const auto reads = [](observable part) { return includes(Policy::reads, part); };
  for (std::size_t t = 0; t < kinds.size(); ++t) {
    const std::string token = " of token " + std::to_string(t);
    scene s = whole;
    s.hidden(t, 1) = not_a_number;
    if (!pivots_of_text || t <= 6 || kinds[t] != modality::text)
      check(s, t, read.hidden, reads(observable::hidden),
            "hidden state" + token + ", feature 1 is nan");
    s = whole;
    s.keys(t, 1) = not_a_number;
    check(s, t, read.keys, reads(observable::keys), "key" + token + ", feature 1 is nan");
    s = whole;
    s.relevance[t] = not_a_number;
    check(s, t, read.relevance, true, "relevance" + token + " is nan");
    s = whole;
    s.importance[t] = not_a_number;
    check(s, t, token_set::visual, reads(observable::importance), "importance" + token + " is nan");
    s = whole;
    for (std::size_t head = 0; head < s.heads; ++head)
      for (std::size_t query = 0; query < s.tokens(); ++query)
        s.attention_of(head, query, t) = not_a_number;
    bool attention = false;
    for (const observable part : every_attention) attention = attention || reads(part);
    if (kinds[t] == modality::text || !attention) check(s, t, read.attention, attention, "");
  }
}

// Parts that are not read may be anything.
template <class Policy>
void what_is_not_read_does_not_matter(const Policy& policy) {
  const std::size_t before = 2, visual = 7, after = 3;
  scene s = scene_of(around_image(before, visual, after), 6);
  const auto expected = tamp::token::select(s.context(), policy, {.keep = 3});
  const auto reads = [](observable part) { return includes(Policy::reads, part); };
  for (std::size_t query = 0; query < s.tokens(); ++query) {
    const bool is_visual = query >= before && query < before + visual;
    const bool is_after = query >= before + visual, is_last = query + 1 == s.tokens();
    const bool is_read = reads(observable::attention) ||
                         (reads(observable::last_query) && is_last) ||
                         (reads(observable::text_queries) && is_after) ||
                         (reads(observable::visual_queries) && is_visual);
    for (std::size_t t = 0; t < s.tokens() && !is_read; ++t)
      for (std::size_t head = 0; head < s.heads; ++head)
        s.attention_of(head, query, t) = not_a_number;
  }
  if (!reads(observable::hidden)) s.hidden = matrix<float>(s.tokens(), 6, not_a_number);
  if (!reads(observable::keys)) s.keys = matrix<float>(s.tokens(), 8, not_a_number);
  if (!reads(observable::importance)) s.importance.assign(s.tokens(), not_a_number);
  if (!reads(observable::grid)) s.grids.clear();
  BOOST_TEST((tamp::token::select(s.context(), policy, {.keep = 3}) == expected));
}

template <class Policy>
void what_is_not_shown_is_named(const Policy& policy) {
  const scene s = scene_of(around_image(2, 5, 3), 3);
  const auto refuse = [&](const tamp::token::context& c) {
    const observable missing = Policy::reads & ~tamp::token::shown(c);
    BOOST_TEST((missing != observable::none));
    check_error<tamp::value_error>(
        tamp::detail::sentence(tamp::label(policy), " reads ", names(missing),
                               ", which the context does not show"),
        [&] { tamp::token::select(c, policy, {.keep = 2}); });
  };
  if (Policy::reads != observable::none) refuse({.kinds = s.kinds});
  for (const observable part : every_attention)
    if (includes(Policy::reads, part)) {
      auto c = s.context();
      c.attention = {};
      refuse(c);
      // The first query alone, which is a word before the image.
      c.attention = {std::span(s.attention).first(2 * s.tokens()), 2, 1, s.tokens(), 0};
      if (part != observable::attention) refuse(c);
    }
  auto c = s.context();
  c.hidden = {};
  if (includes(Policy::reads, observable::hidden)) refuse(c);
  c = s.context();
  c.keys = {};
  if (includes(Policy::reads, observable::keys)) refuse(c);
  c = s.context();
  c.grids = {};
  if (includes(Policy::reads, observable::grid)) refuse(c);
  c = s.context();
  c.importance = {};
  if (includes(Policy::reads, observable::importance)) refuse(c);
}

}  // namespace selectors

/// All that every selector must do.
template <class Policy>
void check_selector(const Policy& policy, selector_traits traits) {
  BOOST_TEST_CONTEXT(tamp::label(policy)) {
    selectors::count_is_exact(policy, traits.text_after);
    selectors::layout_makes_no_difference(policy);
    selectors::neither_type_nor_strides_make_a_difference(policy);
    selectors::broken_numbers_of_any_type_are_refused(policy);
    if (!traits.order_matters) selectors::permutation_permutes_the_choice(policy);
    selectors::equal_tokens_are_told_apart(policy, traits);
    selectors::few_tokens_are_welcome(policy, traits.text_after);
    selectors::images_keep_their_minimum(policy);
    selectors::broken_numbers_are_refused(policy);
    selectors::tokens_that_are_not_read_may_be_anything(policy, traits.pivots_of_text);
    selectors::what_is_not_read_does_not_matter(policy);
    selectors::what_is_not_shown_is_named(policy);
  }
}

}  // namespace support
