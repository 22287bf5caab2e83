// A host whose namespace has functions of the same names as tamp's, which argument-dependent lookup
// finds for the host's types. None of them must ever be called.

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <tamp/tamp.hpp>
#include <vector>

namespace foreign {

struct tensor {
  std::vector<float> numbers;
  std::size_t rows_, cols_;
};
struct row_storage {
  std::vector<float> numbers;
  std::size_t rows() const { return 1; }
  std::size_t cols() const { return numbers.size(); }
  void read_row(std::size_t, std::span<float> out) const {
    std::copy(numbers.begin(), numbers.end(), out.begin());
  }
  void write_row(std::size_t, std::span<const float> in) { numbers.assign(in.begin(), in.end()); }
};
struct pool {
  void for_each_range(std::size_t count, auto&& body) const { body(std::size_t{0}, count); }
};
struct score {
  using role = tamp::role::score;
  using needs = tamp::stat::column_norm;
  float operator()(float weight, float norm) const noexcept { return weight * norm; }
};
struct model {
  std::vector<tensor> weights{{{1, 2, 3, 4}, 2, 2}, {{5, 6, 7, 8}, 2, 2}};
  tensor sample{{1, 1}, 1, 2};
  int blocks() const { return static_cast<int>(weights.size()); }
  void visit_layers(std::size_t block, auto&& visit) {
    visit("layer " + std::to_string(block), weights[block]);
  }
  void observe_block(std::size_t, auto& observer) { observer.input(0, sample); }
  void advance(std::size_t) {}
};

// As greedy as anything that tamp calls could be, and wrong.
template <class... T>
int greedy(T&&...) {
  BOOST_FAIL("a function of the host was called");
  return 0;
}
#define FOREIGN(name)                               \
  int name(tensor&) { return greedy(); }            \
  int name(const tensor&) { return greedy(); }      \
  int name(row_storage&) { return greedy(); }       \
  int name(const row_storage&) { return greedy(); } \
  template <class... T>                             \
  int name(const pool&, T&&... other) {             \
    return greedy(other...);                        \
  }                                                 \
  template <class T, class U>                       \
  int name(T&& first, U&& second) {                 \
    return greedy(first, second);                   \
  }                                                 \
  template <class T, class U, class V>              \
  int name(T&& first, U&& second, V&& third) {      \
    return greedy(first, second, third);            \
  }                                                 \
  template <class T, class U, class V, class W>     \
  int name(T&& first, U&& second, V&&, W&& third) { \
    return greedy(first, second, third);            \
  }
FOREIGN(view)
FOREIGN(source)
FOREIGN(select)
FOREIGN(apply)
FOREIGN(prune)
FOREIGN(plan)
FOREIGN(observe)
FOREIGN(add)
FOREIGN(label)
FOREIGN(is_finite)
#undef FOREIGN

}  // namespace foreign

template <>
struct tamp::tensor_traits<foreign::tensor> {
  static matrix_view<const float> view(const foreign::tensor& t) {
    return {t.numbers.data(), t.rows_, t.cols_};
  }
  static matrix_view<float> view(foreign::tensor& t) {
    return {t.numbers.data(), t.rows_, t.cols_};
  }
};

BOOST_AUTO_TEST_SUITE(prune_foreign_names)

BOOST_AUTO_TEST_CASE(functions_of_the_hosts_namespace_are_left_alone) {
  const foreign::pool pool;
  const auto recipe =
      tamp::compose(foreign::score{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
  foreign::tensor x{{1, 2, 3, 4}, 2, 2}, weight{{4, 3, 2, 1}, 2, 2};
  const auto norms = tamp::observe<tamp::stat::column_norm>(pool, x);
  BOOST_TEST((norms == tamp::observe<tamp::stat::column_norm>(x)));
  const auto keep = tamp::select(pool, weight, norms, recipe);
  BOOST_TEST(keep == tamp::select(weight, norms, recipe));
  BOOST_TEST(tamp::mask::bitmask::from(weight).count() == 4u);
  tamp::apply(weight, keep);
  tamp::apply(pool, weight, keep);
  tamp::prune(weight, norms, recipe);
  tamp::prune(pool, weight, norms, recipe);
  keep.copy_to(weight);
  BOOST_TEST(tamp::mask::bitmask::from(weight) == keep);

  foreign::row_storage rows{{4, 3}};
  tamp::prune(pool, rows, norms, recipe);
  tamp::apply(rows, tamp::select(rows, norms, recipe));
  BOOST_TEST(rows.numbers == (std::vector<float>{0, 3}), boost::test_tools::per_element());

  foreign::model host;
  BOOST_TEST(tamp::plan(host, recipe).layers.size() == 2u);
  BOOST_TEST(tamp::prune_model(host, recipe).achieved() == 0.5);
  BOOST_TEST(tamp::prune_model(pool, host, tamp::plan(host, recipe), recipe).achieved() == 0.5);
  BOOST_TEST(tamp::prune_model(pool, host, recipe).achieved() == 0.5);
}

BOOST_AUTO_TEST_SUITE_END()
