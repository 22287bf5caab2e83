#include <tamp/adapt/dlpack.hpp>
#include <tamp/tamp.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(adapt_dlpack)

namespace {

// A producer's tensor of some elements in memory.
template <class T>
struct tensor {
  std::vector<T> elements;
  std::vector<std::int64_t> shape, strides;
  DLTensor dl{};

  tensor(std::vector<T> its_elements, std::vector<std::int64_t> its_shape, DLDataType type,
         std::vector<std::int64_t> its_strides = {})
      : elements(std::move(its_elements)),
        shape(std::move(its_shape)),
        strides(std::move(its_strides)) {
    dl.data = elements.data();
    dl.device = {kDLCPU, 0};
    dl.ndim = static_cast<int>(shape.size());
    dl.dtype = type;
    dl.shape = shape.data();
    dl.strides = strides.empty() ? nullptr : strides.data();
  }
  tensor(const tensor&) = delete;
};

DLDataType type_of(int code, int bits, int lanes = 1) {
  return {static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(bits),
          static_cast<std::uint16_t>(lanes)};
}
const DLDataType f32 = type_of(kDLFloat, 32);

tensor<float> two_by_four(std::vector<std::int64_t> shape = {2, 4},
                          std::vector<std::int64_t> strides = {}) {
  return {{8, 7, 6, 5, 1, 2, 3, 4}, std::move(shape), f32, std::move(strides)};
}

const auto two_of_four = tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{});

bool mentions(const tamp::error& e, const std::string& words) {
  BOOST_TEST_MESSAGE(e.what());
  return std::string(e.what()).find(words) != std::string::npos;
}

template <class Error>
void check_refused(const DLTensor& dl, const std::string& sentence) {
  BOOST_CHECK_EXCEPTION(static_cast<void>(tamp::select(dl, two_of_four)), Error,
                        [&](const Error& e) { return mentions(e, sentence); });
}

}  // namespace

static_assert(tamp::any_tensor<DLTensor> && tamp::prunable_tensor<DLTensor>);
static_assert(tamp::any_tensor<const DLTensor> && tamp::any_tensor<DLManagedTensor>);

BOOST_AUTO_TEST_CASE(a_tensor_is_pruned_in_place) {
  auto W = two_by_four();
  tamp::prune(W.dl, two_of_four);
  BOOST_TEST(W.elements == (std::vector<float>{8, 7, 0, 0, 0, 0, 3, 4}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(null_strides_are_row_major) {
  const auto W = two_by_four();
  const auto view = tamp::dlpack_view(W.dl);
  BOOST_TEST(view.rows() == 2u);
  BOOST_TEST(view.cols() == 4u);
  BOOST_TEST(view.row_stride() == 4);
  BOOST_TEST(view.col_stride() == 1);
  BOOST_TEST(view.data() == W.elements.data());
  BOOST_TEST(!view.read_only());
}

BOOST_AUTO_TEST_CASE(one_dimension_is_one_row) {
  auto W = two_by_four({4}, {2});
  const auto view = tamp::dlpack_view(W.dl);
  BOOST_TEST(view.rows() == 1u);
  BOOST_TEST(view.cols() == 4u);
  tamp::prune(W.dl, two_of_four);  // of 8 6 1 3
  BOOST_TEST(W.elements == (std::vector<float>{8, 7, 6, 5, 0, 2, 0, 4}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(strides_may_be_those_of_a_transpose_zero_or_negative) {
  const auto columns = two_by_four({2, 4}, {1, 2});  // 8 6 1 3 / 7 5 2 4
  BOOST_TEST(tamp::select(columns.dl, two_of_four).count() == 4u);
  BOOST_TEST(tamp::select(columns.dl, two_of_four)(1, 0));
  BOOST_TEST(!tamp::select(columns.dl, two_of_four)(1, 2));

  const auto broadcast = two_by_four({3, 4}, {0, 1});
  BOOST_TEST(tamp::select(broadcast.dl, two_of_four).count() == 6u);

  auto backwards = two_by_four({2, 4}, {-4, -1});  // 4 3 2 1 / 5 6 7 8
  backwards.dl.data = &backwards.elements[7];
  const auto keep = tamp::select(backwards.dl, two_of_four);
  BOOST_TEST(keep(0, 0));
  BOOST_TEST(!keep(0, 3));
  BOOST_TEST(keep(1, 3));
}

BOOST_AUTO_TEST_CASE(elements_that_share_memory_are_read_and_not_written) {
  const auto broadcast = two_by_four({3, 4}, {0, 1});
  BOOST_CHECK_THROW(tamp::prune(broadcast.dl, two_of_four), tamp::shape_error);
}

BOOST_AUTO_TEST_CASE(elements_begin_behind_the_byte_offset) {
  auto W = two_by_four({1, 4});
  W.dl.byte_offset = 4 * sizeof(float);
  tamp::prune(W.dl, two_of_four);
  BOOST_TEST(W.elements == (std::vector<float>{8, 7, 6, 5, 0, 0, 3, 4}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(types_of_number_are_told_by_code_and_bits) {
  const auto type = [](int code, int bits) {
    auto W = two_by_four();
    W.dl.dtype = type_of(code, bits);
    return tamp::dlpack_view(W.dl).type();
  };
  using tamp::dtype;
  BOOST_CHECK(type(kDLFloat, 64) == dtype::f64);
  BOOST_CHECK(type(kDLFloat, 32) == dtype::f32);
  BOOST_CHECK(type(kDLFloat, 16) == dtype::f16);
  BOOST_CHECK(type(kDLBfloat, 16) == dtype::bf16);
  BOOST_CHECK(type(kDLInt, 8) == dtype::i8);
  BOOST_CHECK(type(10, 8) == dtype::f8_e4m3);  // kDLFloat8_e4m3fn of DLPack 1.1
  BOOST_CHECK(type(12, 8) == dtype::f8_e5m2);  // kDLFloat8_e5m2
  BOOST_CHECK(type(kDLInt, 64) == dtype::i64);
  BOOST_CHECK(type(kDLUInt, 8) == dtype::u8);
  BOOST_CHECK(type(kDLComplex, 64) == dtype::c64);
}

#if defined(DLPACK_MAJOR_VERSION) && DLPACK_MAJOR_VERSION >= 1
BOOST_AUTO_TEST_CASE(codes_are_those_of_a_newer_header) {
  using codes = tamp::detail::dlpack_codes;
  BOOST_CHECK(codes::boolean == kDLBool);
#  if DLPACK_MAJOR_VERSION > 1 || DLPACK_MINOR_VERSION >= 1
  BOOST_CHECK(codes::f8_e4m3fn == kDLFloat8_e4m3fn);
  BOOST_CHECK(codes::f8_e4m3fnuz == kDLFloat8_e4m3fnuz);
  BOOST_CHECK(codes::f8_e5m2 == kDLFloat8_e5m2);
  BOOST_CHECK(codes::f8_e5m2fnuz == kDLFloat8_e5m2fnuz);
  BOOST_CHECK(codes::f8_e8m0fnu == kDLFloat8_e8m0fnu);
#  endif
}

BOOST_AUTO_TEST_CASE(a_tensor_whose_flags_say_so_is_read_only) {
  auto W = two_by_four();
  DLManagedTensorVersioned managed{};
  managed.version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
  managed.dl_tensor = W.dl;
  managed.flags = DLPACK_FLAG_BITMASK_READ_ONLY;
  BOOST_TEST(tamp::select(managed, two_of_four).count() == 4u);
  BOOST_CHECK_EXCEPTION(tamp::prune(managed, two_of_four), tamp::value_error, [](const auto& e) {
    return mentions(e, "is read-only and cannot be written to");
  });
  managed.flags = 0;
  BOOST_TEST(tamp::prune(managed, two_of_four).kept == 4u);
}
#endif

BOOST_AUTO_TEST_CASE(halves_bfloats_and_integers_of_8_bits_are_pruned) {
  const auto check_halves = [](int code) {
    tensor<std::uint16_t> W{{0x4000, 0x4100, 0x3000, 0x3100}, {1, 4}, type_of(code, 16)};
    tamp::prune(W.dl, two_of_four);
    BOOST_TEST(W.elements == (std::vector<std::uint16_t>{0x4000, 0x4100, 0, 0}),
               boost::test_tools::per_element());
  };
  check_halves(kDLFloat);
  check_halves(kDLBfloat);
  tensor<std::int8_t> W{{-8, 7, 1, 0}, {1, 4}, type_of(kDLInt, 8)};
  tamp::prune(W.dl, two_of_four);
  BOOST_TEST(W.elements == (std::vector<std::int8_t>{-8, 7, 0, 0}),
             boost::test_tools::per_element());
  tensor<double> D{{1, -3, 2, 0.5}, {1, 4}, type_of(kDLFloat, 64)};
  tamp::prune(D.dl, two_of_four);
  BOOST_TEST(D.elements == (std::vector<double>{0, -3, 2, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_managed_tensor_is_its_tensor) {
  auto W = two_by_four();
  DLManagedTensor managed{};
  managed.dl_tensor = W.dl;
  tamp::prune(managed, two_of_four);
  BOOST_TEST(W.elements[2] == 0);
}

BOOST_AUTO_TEST_CASE(other_numbers_of_dimensions_are_refused) {
  check_refused<tamp::shape_error>(
      two_by_four({2, 2, 2}).dl, "a matrix has 2 dimensions and a single row 1, this tensor has 3");
  check_refused<tamp::shape_error>(two_by_four({}).dl, "this tensor has 0");
}

BOOST_AUTO_TEST_CASE(extents_that_no_tensor_has_are_refused) {
  check_refused<tamp::shape_error>(two_by_four({2, -1}).dl,
                                   "extent 1 of this tensor of 2 x -1 is negative");
  constexpr auto huge = (std::numeric_limits<std::int64_t>::max)();
  check_refused<tamp::shape_error>(two_by_four({huge, 4}).dl, "more than memory");
  check_refused<tamp::shape_error>(two_by_four({huge / 4, huge / 4}).dl, "more than memory");
  auto W = two_by_four();
  W.dl.shape = nullptr;
  check_refused<tamp::shape_error>(W.dl, "the extents of this tensor lie at a null pointer");
}

BOOST_AUTO_TEST_CASE(strides_out_of_memory_are_refused) {
  constexpr auto huge = (std::numeric_limits<std::int64_t>::max)();
  check_refused<tamp::shape_error>(two_by_four({2, 4}, {huge, 1}).dl, "do not fit into memory");
  auto W = two_by_four();
  W.dl.byte_offset = (std::numeric_limits<std::uint64_t>::max)();
  check_refused<tamp::shape_error>(W.dl, "leads out of memory");
}

BOOST_AUTO_TEST_CASE(elements_at_a_null_pointer_are_refused_unless_there_are_none) {
  auto W = two_by_four();
  W.dl.data = nullptr;
  check_refused<tamp::shape_error>(W.dl, "the 2 x 4 elements of this tensor lie at a null pointer");
  auto empty = two_by_four({0, 4});
  empty.dl.data = nullptr;
  const auto keep = tamp::select(empty.dl, two_of_four);
  BOOST_TEST(keep.size() == 0u);
  tamp::apply(empty.dl, keep);
  BOOST_TEST(tamp::prune(empty.dl, two_of_four).kept == 0u);
}

BOOST_AUTO_TEST_CASE(other_types_of_number_are_refused) {
  auto W = two_by_four();
  W.dl.dtype = type_of(kDLFloat, 32, 4);
  check_refused<tamp::value_error>(W.dl, "has 4 numbers (lanes)");
  W.dl.dtype = type_of(99, 8);
  check_refused<tamp::value_error>(W.dl, "which has the code 99 and 8 bits");
  W.dl.dtype = type_of(kDLInt, 64);
  check_refused<tamp::value_error>(W.dl, "are I64, and tamp reads F64");
}

BOOST_AUTO_TEST_CASE(elements_at_an_odd_address_are_refused) {
  auto W = two_by_four({1, 4});
  W.dl.byte_offset = 2;
  check_refused<tamp::value_error>(W.dl, "no multiple of their 4 bytes");
}

BOOST_AUTO_TEST_CASE(memory_of_devices_is_refused_and_pinned_memory_is_not) {
  auto W = two_by_four();
  const auto where = [&](DLDeviceType device) {
    W.dl.device.device_type = device;
    return tamp::dlpack_view(W.dl).where();
  };
  BOOST_CHECK(where(kDLCUDAHost) == tamp::memory::cpu);
  BOOST_TEST(tamp::select(W.dl, two_of_four).count() == 4u);
  BOOST_CHECK(where(kDLCUDA) == tamp::memory::cuda);
  check_refused<tamp::value_error>(W.dl, "lie in the memory of an NVIDIA GPU");
  BOOST_CHECK(where(kDLVulkan) == tamp::memory::other);
  check_refused<tamp::value_error>(W.dl, "lie in the memory of a device");
  W.dl.data = nullptr;  // of a device, this may be a handle
  check_refused<tamp::value_error>(W.dl, "lie in the memory of a device");
}

BOOST_AUTO_TEST_SUITE_END()
