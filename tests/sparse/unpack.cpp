#include <tamp/sparse/unpack.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <tamp/sparse/pack.hpp>
#include <tamp/tamp.hpp>
#include <tuple>
#include <vector>

#include "../support/elements.hpp"
#include "../support/errors.hpp"
#include "../support/executors.hpp"
#include "../support/sparse.hpp"
#include "../support/tensors.hpp"

BOOST_AUTO_TEST_SUITE(sparse_unpack)

using support::check_error;
using support::matrix;
using tamp::mask::bitmask;
using tamp::sparse::pack;
using tamp::sparse::pack_as;
using tamp::sparse::unpack;

namespace {

using stored_types =
    std::tuple<float, tamp::f16, tamp::bf16, support::host_f16, support::host_bf16>;

// Numbers with random bits, NaN with payloads and subnormals among them.
template <class T>
matrix<T> random_bits(std::size_t rows, std::size_t cols, unsigned seed) {
  std::mt19937 random(seed);
  matrix<T> m(rows, cols);
  for (std::size_t k = 0; k < rows * cols; ++k) {
    const auto bits = random() % 8 == 0 ? 0xffffffffu * (random() % 2) : random();
    std::memcpy(static_cast<void*>(m.data() + k), &bits, sizeof(T));
  }
  return m;
}

}  // namespace

BOOST_AUTO_TEST_CASE(dropped_weights_become_zero_by_hand) {
  bitmask keep(2, 3, false);
  keep.set(0, 2, true);
  keep.set(1, 0, true);
  const tamp::sparse::matrix<float> s(keep, std::vector<float>{-0.0f, 7});
  matrix<float> w(2, 3, 5.0f);
  unpack(s, w);
  BOOST_TEST((w == matrix<float>{{0, 0, -0.0f}, {7, 0, 0}}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_was_packed_comes_back_to_the_bit, T, stored_types) {
  for (const std::size_t cols : {0u, 1u, 63u, 64u, 65u, 200u})
    for (const double sparsity : {0.0, 0.5, 1.0}) {
      const auto w = random_bits<T>(9, cols, unsigned(cols));
      const auto keep = support::random_mask(9, cols, sparsity, 3);
      const auto s = pack(w, keep);
      matrix<T> out(9, cols);
      unpack(s, out);
      BOOST_TEST((out == support::zeroed(w, keep)));
      const support::sparse_arrays<T> arrays(s, 3);
      const support::fenced_arrays<T> fenced(arrays);
      matrix<T> from_view(9, cols);
      unpack(fenced.view(), from_view);
      BOOST_TEST((from_view == out));
      BOOST_TEST((fenced.view() == s));
    }
}

BOOST_AUTO_TEST_CASE(every_layout_is_written_by_every_executor) {
  const auto w = support::random_matrix(10, 70, 1);
  const auto s = pack(w, support::random_mask(10, 70, 0.5, 2));
  const auto expected = support::zeroed(w, s.mask());
  for (const auto& exec : support::every_executor)
    support::in_every_layout(w, [&](auto m) {
      unpack(exec, s, m);
      BOOST_TEST((support::copy_of(m) == expected));
    });
}

BOOST_AUTO_TEST_CASE(elements_of_another_type_are_converted) {
  const auto w = support::random_matrix(6, 70, 5);
  const auto keep = support::random_mask(6, 70, 0.5, 6);
  const auto s = pack(w, keep);
  const auto check = [&](const auto& weight, auto out) {
    for (std::size_t k = 0; k < 6 * 70; ++k)
      std::memset(static_cast<void*>(out.data() + k), 0x3c, sizeof *out.data());
    unpack(pack(weight, keep), out);
    const auto dense = support::dense_of(pack(weight, keep));
    BOOST_TEST((out == support::as<std::remove_cvref_t<decltype(*out.data())>>(dense)));
  };
  check(w, matrix<double>(6, 70));
  check(w, matrix<tamp::bf16>(6, 70));
  check(w, matrix<support::shifted16>(6, 70));  // whose zero has bits
  check(support::as<tamp::f16>(w), matrix<float>(6, 70));
  check(support::as<tamp::f16>(w), matrix<support::host_f16>(6, 70));
  check(support::as<tamp::bf16>(w), matrix<tamp::f16>(6, 70));
}

BOOST_AUTO_TEST_CASE(weights_of_8_bits_are_multiplied_by_their_scales) {
  const auto w = support::random_matrix(6, 70, 5);
  const auto s = pack_as<std::int8_t>(w, support::random_mask(6, 70, 0.5, 6));
  matrix<float> out(6, 70, 1.0f);
  unpack(s, out);
  BOOST_TEST((out == support::dense_of(s)));
  matrix<double> wide(6, 70, 1.0);
  const support::sparse_arrays<std::int8_t> arrays(s, 1);
  unpack(support::fenced_arrays<std::int8_t>(arrays).view(), wide);
  BOOST_TEST((wide == support::as<double>(out)));
}

BOOST_AUTO_TEST_CASE(an_output_that_does_not_fit_is_refused_and_not_written) {
  const auto s = pack(support::random_matrix(3, 4, 1));
  matrix<float> out(4, 3, 2.0f);
  check_error<tamp::shape_error>("unpack: the sparse weight is 3 x 4, the output 4 x 3",
                                 [&] { unpack(s, out); });
  const tamp::matrix_view<float> shared(out.data(), 3, 4, 0, 1);
  check_error<tamp::shape_error>(
      "unpack: the elements (0, 0) and (1, 0) of the weight share their memory: its strides are 0 "
      "and 1",
      [&] { unpack(s, shared); });
  BOOST_TEST((out == matrix<float>(4, 3, 2.0f)));
  check_error<tamp::shape_error>("tensor: 3 x 4 elements lie at a null pointer",
                                 [&] { unpack(s, tamp::matrix_view<float>(nullptr, 3, 4)); });
}

BOOST_AUTO_TEST_CASE(nothing_is_unpacked_into_nothing) {
  for (const auto& [rows, cols] : {std::pair<std::size_t, std::size_t>{0, 0}, {0, 70}, {5, 0}}) {
    matrix<float> out(rows, cols);
    unpack(tamp::sparse::matrix<float>(bitmask(rows, cols), {}), out);
  }
  matrix<float> out;
  unpack(tamp::sparse::view<tamp::bf16>(), out);
}

BOOST_AUTO_TEST_SUITE_END()
