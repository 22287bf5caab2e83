#include <tamp/adapt/torch.hpp>
#include <tamp/score/sparsegpt.hpp>
#include <tamp/tamp.hpp>

#include <ATen/ATen.h>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../support/errors.hpp"

BOOST_AUTO_TEST_SUITE(adapt_torch)

namespace {

using support::check_error;

const auto half_of_rows =
    tamp::compose(tamp::score::wanda{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});
const auto half_by_magnitude =
    tamp::compose(tamp::score::magnitude{}, tamp::pattern::per_row{}, tamp::allocate::uniform{0.5});

const at::ScalarType types[] = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kChar};

at::Tensor random(std::int64_t rows, std::int64_t cols, at::ScalarType type = at::kFloat) {
  const at::Tensor numbers = at::randn({rows, cols}, at::kDouble);
  return type == at::kChar ? (numbers * 40).clamp(-127, 127).to(type) : numbers.to(type);
}

// A weight of 24 x 40, of every layout that torch makes without a copy.
struct layout {
  const char* name;
  at::Tensor (*make)(at::ScalarType);
};
const layout layouts[] = {
    {"contiguous", [](at::ScalarType type) { return random(24, 40, type); }},
    {"transposed", [](at::ScalarType type) { return random(40, 24, type).t(); }},
    {"rows and columns out of the middle",
     [](at::ScalarType type) { return random(30, 50, type).slice(0, 3, 27).slice(1, 5, 45); }},
    {"every second row",
     [](at::ScalarType type) { return random(48, 40, type).slice(0, 0, 48, 2); }},
    {"every third column",
     [](at::ScalarType type) { return random(24, 120, type).slice(1, 1, 120, 3); }},
    {"one of three dimensions", [](at::ScalarType type) {
       return at::stack({random(24, 40, type), random(24, 40, type), random(24, 40, type)}, 1)
           .select(1, 1);
     }}};

// A tensor of 2 x 4 that claims to be on a device, which the machine need not have.
at::Tensor on_device(c10::DeviceType type, c10::DispatchKey key) {
  static float memory[8];
  c10::Storage storage(c10::Storage::use_byte_size_t(), sizeof(memory),
                       c10::DataPtr(memory, c10::Device(type, 0)), nullptr, false);
  at::Tensor tensor = at::detail::make_tensor<c10::TensorImpl>(
      std::move(storage), c10::DispatchKeySet(key), caffe2::TypeMeta::Make<float>());
  tensor.unsafeGetTensorImpl()->set_sizes_contiguous({2, 4});
  return tensor;
}

// Wanda as torch's code has it: of each row, the half with the lowest |W| * norm is dropped. It is a
// tensor of 1 where a weight is kept.
at::Tensor kept_by_definition(const at::Tensor& W, const at::Tensor& X) {
  const auto type = W.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor metric = W.to(type).abs() * X.to(type).norm(2, 0).unsqueeze(0);
  const at::Tensor order = std::get<1>(metric.sort(/*stable=*/true, 1, /*descending=*/false));
  return at::ones_like(metric).scatter(1, order.slice(1, 0, W.size(1) / 2), 0.0);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_tensor_is_pruned_where_it_lies) {
  at::Tensor W = at::tensor({8.f, 7.f, 6.f, 5.f, 1.f, -2.f, 3.f, -4.f}).reshape({2, 4});
  const at::Tensor X = at::tensor({1.f, 1.f, 1.f, 9.f}).reshape({1, 4});
  const void* const memory = W.data_ptr();

  const auto norms = tamp::observe<tamp::stat::column_norm>(X);
  const auto keep = tamp::select(W, norms, half_of_rows);
  tamp::apply(W, keep);

  BOOST_TEST(W.data_ptr() == memory);
  BOOST_TEST(W.equal(at::tensor({8.f, 0.f, 0.f, 5.f, 0.f, 0.f, 3.f, -4.f}).reshape({2, 4})));
}

BOOST_AUTO_TEST_CASE(selections_are_those_of_torchs_own_definition_for_all_types_and_strides) {
  at::manual_seed(1);
  for (const at::ScalarType type : types)
    for (const layout& each : layouts) {
      BOOST_TEST_CONTEXT(c10::toString(type) << ", " << each.name) {
        const at::Tensor W = each.make(type), X = random(7, 40, type);
        const at::Tensor before = W.clone(), kept = kept_by_definition(W, X);
        const void* const memory = W.data_ptr();
        const auto strides = W.strides().vec();

        tamp::prune(W, tamp::observe<tamp::stat::column_norm>(X), half_of_rows);
        BOOST_TEST(W.equal(before * kept.to(type)));
        BOOST_TEST(W.data_ptr() == memory);
        BOOST_TEST((W.strides() == at::IntArrayRef(strides)));
      }
    }
}

BOOST_AUTO_TEST_CASE(numbers_beside_a_slice_are_not_touched) {
  at::manual_seed(2);
  const at::Tensor all = random(30, 50, at::kBFloat16);
  const at::Tensor before = all.clone();
  const at::Tensor W = all.slice(0, 3, 27).slice(1, 5, 45);
  tamp::apply(W, tamp::select(W, half_by_magnitude));
  BOOST_TEST((W == 0).sum().item<std::int64_t>() >= 24 * 20);
  before.slice(0, 3, 27).slice(1, 5, 45).copy_(W);
  BOOST_TEST(all.equal(before));
}

BOOST_AUTO_TEST_CASE(two_of_four_are_the_two_largest_by_topk) {
  at::manual_seed(3);
  const at::Tensor W = random(16, 64);
  const at::Tensor groups = W.abs().reshape({-1, 4});
  const at::Tensor largest = std::get<1>(groups.topk(2, 1));
  const at::Tensor expected = W * at::zeros_like(groups).scatter(1, largest, 1.0).reshape_as(W);
  tamp::prune(W, tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
  BOOST_TEST(W.equal(expected));
}

BOOST_AUTO_TEST_CASE(norms_are_those_of_torch_for_all_types_and_strides) {
  at::manual_seed(4);
  for (const at::ScalarType type : types)
    for (const layout& each : layouts) {
      const at::Tensor X = each.make(type);
      const auto norms = tamp::observe<tamp::stat::column_norm>(X);
      const at::Tensor expected = X.to(at::kDouble).norm(2, 0);
      for (std::int64_t j = 0; j < 40; ++j) {
        const double norm = norms.values()[std::size_t(j)], wanted = expected[j].item<double>();
        if (std::abs(norm - wanted) > 1e-6 * wanted)
          BOOST_ERROR(c10::toString(type) << ", " << each.name << ": the norm of column " << j
                                          << " is " << norm << " instead of " << wanted);
      }
    }
}

BOOST_AUTO_TEST_CASE(weights_that_are_repaired_are_rewritten_in_place) {
  at::manual_seed(5);
  const auto recipe = tamp::compose(tamp::score::sparsegpt{}, tamp::pattern::per_row{},
                                    tamp::allocate::uniform{0.5});
  // Inputs of which each is nearly known from the others, so that they can stand in for it.
  const at::Tensor X = random(100, 8).matmul(random(8, 40)) + 0.1 * random(100, 40);
  const auto gram = tamp::observe<tamp::stat::gram>(X);
  for (const layout& each : layouts) {
    BOOST_TEST_CONTEXT(each.name) {
      const at::Tensor W = each.make(at::kFloat), copy = W.contiguous().clone();
      const at::Tensor before = W.clone();
      tamp::prune(W, gram, recipe);
      const auto view = tamp::row_major(copy.data_ptr<float>(), 24, 40);
      tamp::prune(view, gram, recipe);
      BOOST_TEST(W.equal(copy));
      BOOST_TEST((W == 0).sum().item<std::int64_t>() == 24 * 20);
      // The repaired weight does what the dense one did better than the dense one without repair.
      const at::Tensor wanted = X.matmul(before.t());
      const double repaired = (X.matmul(W.t()) - wanted).norm().item<double>();
      const double cut = (X.matmul((before * (W != 0)).t()) - wanted).norm().item<double>();
      BOOST_TEST(repaired < 0.9 * cut);
    }
  }
}

BOOST_AUTO_TEST_CASE(one_dimension_is_one_row_and_empty_tensors_have_their_shape) {
  const at::Tensor row = at::tensor({1.f, -4.f, 3.f, 2.f});
  const auto keep = tamp::select(row, half_by_magnitude);
  BOOST_TEST(keep.rows() == 1u);
  tamp::apply(row, keep);
  BOOST_TEST(row.equal(at::tensor({0.f, -4.f, 3.f, 0.f})));
  for (const auto& [rows, cols] : {std::pair<int, int>{0, 4}, {4, 0}, {0, 0}}) {
    const at::Tensor W = at::empty({rows, cols});
    const auto none = tamp::select(W, half_by_magnitude);
    BOOST_TEST(none.rows() == std::size_t(rows));
    BOOST_TEST(none.cols() == std::size_t(cols));
    tamp::apply(W, none);
  }
  BOOST_TEST(tamp::select(at::empty({0}), half_by_magnitude).rows() == 1u);
}

BOOST_AUTO_TEST_CASE(expanded_tensors_are_read_and_not_written) {
  at::manual_seed(6);
  for (const at::Tensor& W : {random(1, 40).expand({24, 40}), random(24, 1).expand({24, 40})}) {
    const auto keep = tamp::select(W, half_by_magnitude);
    BOOST_TEST((keep == tamp::select(W.contiguous(), half_by_magnitude)));
    const at::Tensor before = W.clone();
    check_error<tamp::shape_error>(
        W.stride(0) == 0
            ? "apply: the elements (0, 0) and (1, 0) of the weight share their memory: "
              "its strides are 0 and 1"
            : "apply: the elements (0, 1) and (0, 0) of the weight share their memory: "
              "its strides are 1 and 0",
        [&] { tamp::apply(W, keep); });
    BOOST_TEST(W.equal(before));
  }
  // Windows that overlap, as unfold makes them.
  const at::Tensor windows = at::arange(10.f).unfold(0, 4, 2);
  check_error<tamp::shape_error>(
      "apply: the elements (0, 2) and (1, 0) of the weight share their memory: its strides are 2 "
      "and 1",
      [&] { tamp::apply(windows, tamp::select(windows, half_by_magnitude)); });
}

BOOST_AUTO_TEST_CASE(every_handle_of_the_numbers_may_be_written_through) {
  const at::Tensor W = at::tensor({1.f, 2.f, 3.f, 4.f}).reshape({1, 4});
  const at::Tensor other = W;  // the same numbers
  const auto keep = tamp::select(W, half_by_magnitude);
  tamp::apply(other, keep);
  BOOST_TEST(W.equal(at::tensor({0.f, 0.f, 3.f, 4.f}).reshape({1, 4})));
  // Temporary handles: of a part of another tensor, or detached from its gradients.
  tamp::apply(W.slice(1, 2, 4), tamp::select(W.slice(1, 2, 4), half_by_magnitude));
  BOOST_TEST(W.equal(at::tensor({0.f, 0.f, 0.f, 4.f}).reshape({1, 4})));
  W.fill_(2);
  tamp::apply(W.detach(), keep);
  BOOST_TEST(W.equal(at::tensor({0.f, 0.f, 2.f, 2.f}).reshape({1, 4})));
}

BOOST_AUTO_TEST_CASE(leaves_that_require_gradients_are_pruned_and_their_version_rises) {
  at::Tensor W = at::tensor({1.f, 2.f, 3.f, 4.f}).reshape({1, 4}).requires_grad_();
  const auto keep = tamp::select(W, half_by_magnitude);
  BOOST_TEST(W._version() == 0);  // it was only read
  tamp::apply(W, keep);
  BOOST_TEST(W._version() > 0);
  BOOST_TEST(W.is_leaf());
  BOOST_TEST(W.requires_grad());
  // Gradients of the pruned weight come as usual.
  (W * W).sum().backward();
  BOOST_TEST(W.grad().equal(at::tensor({0.f, 0.f, 6.f, 8.f}).reshape({1, 4})));
}

BOOST_AUTO_TEST_CASE(a_backward_pass_that_has_saved_the_dense_weight_fails) {
  at::Tensor W = at::tensor({1.f, 2.f, 3.f, 4.f}).reshape({1, 4}).requires_grad_();
  const at::Tensor loss = (W * W).sum();
  tamp::apply(W, tamp::select(W, half_by_magnitude));
  BOOST_CHECK_EXCEPTION(loss.backward(), c10::Error, [](const c10::Error& e) {
    return std::string(e.what()).find("modified by an inplace operation") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(a_weight_that_is_refused_keeps_its_version) {
  const at::Tensor W = at::zeros({2, 4}).to_sparse();
  const auto version = W._version();
  BOOST_CHECK_THROW(tamp::apply(W, tamp::mask::bitmask(2, 4)), tamp::value_error);
  BOOST_TEST(W._version() == version);
}

BOOST_AUTO_TEST_CASE(inference_tensors_are_pruned_in_and_after_inference_mode) {
  at::Tensor W;
  {
    const c10::InferenceMode inference;
    W = at::tensor({1.f, 2.f, 3.f, 4.f}).reshape({1, 4});
    tamp::apply(W, tamp::select(W, half_by_magnitude));
    BOOST_TEST(W.equal(at::tensor({0.f, 0.f, 3.f, 4.f}).reshape({1, 4})));
    W.fill_(1);
  }
  tamp::apply(W, tamp::select(W, half_by_magnitude));
  BOOST_TEST(W.equal(at::tensor({0.f, 0.f, 1.f, 1.f}).reshape({1, 4})));
}

BOOST_AUTO_TEST_CASE(tensors_without_a_matrix_in_the_cpus_memory_are_refused_with_a_sentence) {
  const auto refused = [](std::string_view sentence, const at::Tensor& W) {
    check_error<tamp::value_error>(sentence, [&] { tamp::select(W, half_by_magnitude); });
    check_error<tamp::value_error>(sentence, [&] { tamp::apply(W, tamp::mask::bitmask(2, 4)); });
  };
  refused("torch: this tensor is undefined: it has neither numbers nor a shape", at::Tensor());
  refused("torch: this tensor of 2 x 4 has the layout Sparse, and tamp reads tensors with strides",
          at::ones({2, 4}).to_sparse());
  refused(
      "torch: this tensor of 2 x 4 has the layout SparseCsr, and tamp reads tensors with strides",
      at::ones({2, 4}).to_sparse_csr());
  refused("torch: this tensor of 2 x 4 has the layout Mkldnn, and tamp reads tensors with strides",
          at::ones({2, 4}).to_mkldnn());
  refused("torch: this tensor has the layout Nested, and tamp reads tensors with strides",
          at::_nested_tensor_from_mask(at::ones({2, 4, 3}), at::ones({2, 4}, at::kBool)));
  refused(
      "torch: this tensor of 2 x 4 is quantised to QInt8, which is not the numbers themselves: "
      "give "
      "its dequantize(), or its int_repr() if that is of type Char",
      at::quantize_per_tensor(at::ones({2, 4}), 0.1, 0, at::kQInt8));
  refused("torch: this tensor of 2 x 4 is on the device meta and has no numbers",
          at::empty({2, 4}, at::TensorOptions(at::kMeta)));
  refused(
      "torch: this tensor of 2 x 4 is on the device xla:0, whose memory tamp cannot read: give its "
      "cpu()",
      on_device(c10::kXLA, c10::DispatchKey::XLA));
  refused(
      "any_view: the elements of this tensor of 2 x 4 F32 lie in the memory of an NVIDIA GPU, and "
      "this operation runs on the CPU",
      on_device(c10::kCUDA, c10::DispatchKey::CUDA));
  refused(
      "torch: this tensor of 2 x 4 is negated when it is read, and its memory holds the numbers of "
      "the other sign: give its resolve_neg()",
      at::imag(at::complex(at::ones({2, 4}), at::ones({2, 4})).conj()));
  const std::pair<at::ScalarType, const char*> others[] = {{at::kInt, "Int"},
                                                           {at::kLong, "Long"},
                                                           {at::kShort, "Short"},
                                                           {at::kByte, "Byte"},
                                                           {at::kBool, "Bool"},
                                                           {at::kComplexFloat, "ComplexFloat"},
                                                           {at::kComplexDouble, "ComplexDouble"}};
  for (const auto& [type, name] : others)
    refused(
        "torch: this tensor of 2 x 4 is of type " + std::string(name) +
            ", and tamp reads Float, Double, Half, BFloat16, Char, Float8_e4m3fn and Float8_e5m2",
        at::ones({2, 4}, type));
  refused(
      "torch: this tensor of 2 x 4 is of type ComplexFloat, and tamp reads Float, Double, Half, "
      "BFloat16, Char, Float8_e4m3fn and Float8_e5m2",
      at::ones({2, 4}, at::kComplexFloat).conj());
}

BOOST_AUTO_TEST_CASE(another_number_of_dimensions_is_refused_with_the_shape) {
  const auto refused = [](std::string_view sentence, const at::Tensor& W) {
    check_error<tamp::shape_error>(sentence, [&] { tamp::select(W, half_by_magnitude); });
    check_error<tamp::shape_error>(sentence, [&] { tamp::observe<tamp::stat::column_norm>(W); });
  };
  refused("torch: a matrix has 2 dimensions and a single row 1, this tensor of 2 x 3 x 4 has 3",
          at::ones({2, 3, 4}));
  refused("torch: a matrix has 2 dimensions and a single row 1, this tensor of 1 x 2 x 3 x 4 has 4",
          at::ones({1, 2, 3, 4}));
  refused("torch: a matrix has 2 dimensions and a single row 1, this tensor has 0", at::ones({}));
}

BOOST_AUTO_TEST_CASE(elements_without_memory_are_refused) {
  check_error<tamp::shape_error>("tensor: 2 x 4 elements lie at a null pointer", [] {
    tamp::select(at::_efficientzerotensor({2, 4}), half_by_magnitude);
  });
}

BOOST_AUTO_TEST_CASE(masks_and_statistics_of_another_shape_are_refused) {
  const at::Tensor W = at::ones({2, 4});
  check_error<tamp::shape_error>("apply: the mask is 2 x 5, the weight is 2 x 4",
                                 [&] { tamp::apply(W, tamp::mask::bitmask(2, 5)); });
  check_error<tamp::shape_error>("select: the weight has 4 columns, the statistics cover 6", [&] {
    tamp::select(W, tamp::observe<tamp::stat::column_norm>(at::ones({3, 6})), half_of_rows);
  });
  BOOST_TEST(W.equal(at::ones({2, 4})));
}

BOOST_AUTO_TEST_CASE(a_weight_that_is_not_finite_is_refused_before_anything_is_written) {
  const at::Tensor W = at::ones({2, 4}, at::kBFloat16).t();
  W[3][1] = std::nan("");
  check_error<tamp::value_error>("prune: the weight in row 3, column 1 is nan",
                                 [&] { tamp::prune(W, half_by_magnitude); });
  BOOST_TEST((W == 1).sum().item<std::int64_t>() == 7);
}

BOOST_AUTO_TEST_CASE(torchs_16_bit_numbers_are_the_same_numbers_in_tamp) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const c10::Half half(std::uint16_t(bits), c10::Half::from_bits());
    const c10::BFloat16 brain(std::uint16_t(bits), c10::BFloat16::from_bits());
    const float a = tamp::element_traits<c10::Half>::load(half), b = float(half);
    const float c = tamp::element_traits<c10::BFloat16>::load(brain), d = float(brain);
    if (a == b && c == d) {
      if (tamp::element_traits<c10::Half>::store(a).x != half.x ||
          tamp::element_traits<c10::BFloat16>::store(c).x != brain.x)
        BOOST_FAIL("the number of the bits " << bits << " is stored with others");
    } else if (!(std::isnan(a) == std::isnan(b) && std::isnan(c) == std::isnan(d))) {
      BOOST_FAIL("the bits " << bits << " are read as " << a << " and " << c << " instead of " << b
                             << " and " << d);
    }
  }
}

BOOST_AUTO_TEST_CASE(views_of_torchs_16_bit_numbers_are_tensors) {
  static_assert(tamp::strided_tensor<tamp::matrix_view<at::Half>>);
  static_assert(tamp::prunable_tensor<tamp::matrix_view<at::BFloat16>>);
  const at::Tensor W = at::tensor({1.f, 2.f, 3.f, 4.f}).to(at::kHalf).reshape({1, 4});
  const tamp::matrix_view<at::Half> view(W.data_ptr<at::Half>(), 1, 4);
  tamp::apply(view, tamp::select(view, half_by_magnitude));
  BOOST_TEST(W.to(at::kFloat).equal(at::tensor({0.f, 0.f, 3.f, 4.f}).reshape({1, 4})));
  BOOST_TEST((tamp::any_view(view).type() == tamp::dtype::f16));
}

#if __has_include(<c10/util/Float8_e4m3fn.h>)
BOOST_AUTO_TEST_CASE(numbers_of_8_bits_are_the_same_numbers_in_tamp_and_are_pruned) {
  for (unsigned bits = 0; bits < 0x100; ++bits) {
    const c10::Float8_e4m3fn a(std::uint8_t(bits), c10::Float8_e4m3fn::from_bits());
    const c10::Float8_e5m2 b(std::uint8_t(bits), c10::Float8_e5m2::from_bits());
    const float x = tamp::element_traits<c10::Float8_e4m3fn>::load(a);
    const float y = tamp::element_traits<c10::Float8_e5m2>::load(b);
    BOOST_TEST((x == float(a) || (std::isnan(x) && std::isnan(float(a)))));
    BOOST_TEST((y == float(b) || (std::isnan(y) && std::isnan(float(b)))));
  }
  at::manual_seed(9);
  for (const auto type : {at::ScalarType::Float8_e4m3fn, at::ScalarType::Float8_e5m2}) {
    const at::Tensor W = random(24, 40, type), X = random(7, 40);
    const at::Tensor before = W.to(at::kFloat);
    tamp::prune(W, tamp::observe<tamp::stat::column_norm>(X), half_of_rows);
    BOOST_TEST(W.to(at::kFloat).equal(before * kept_by_definition(before, X)));
  }
}
#endif

BOOST_AUTO_TEST_CASE(a_pruned_weight_is_stored_sparse_and_multiplied) {
  at::manual_seed(7);
  const at::Tensor W = random(24, 40, at::kBFloat16).t(), X = random(5, 24);
  tamp::prune(W, half_by_magnitude);
  const auto packed = tamp::sparse::pack_as<tamp::bf16>(W);
  BOOST_TEST(packed.rows() == 40u);
  const at::Tensor Y = at::empty({5, 40}), back = at::empty({40, 24}, at::kBFloat16);
  tamp::sparse::unpack(packed, back);
  BOOST_TEST(back.equal(W));
  tamp::sparse::multiply(packed, X, Y);
  BOOST_TEST(Y.allclose(X.matmul(W.to(at::kFloat).t()), 1e-5, 1e-5));
}

BOOST_AUTO_TEST_CASE(a_view_has_the_tensors_memory_type_shape_and_strides) {
  const at::Tensor W = random(6, 8, at::kBFloat16).t().slice(0, 2, 8, 3);
  const tamp::any_view view = tamp::torch_view(W);
  BOOST_TEST(view.data() == W.data_ptr());
  BOOST_TEST((view.type() == tamp::dtype::bf16 && view.where() == tamp::memory::cpu));
  BOOST_TEST((view.rows() == 2 && view.cols() == 6));
  BOOST_TEST((view.row_stride() == 3 && view.col_stride() == 8));
  BOOST_TEST(!view.read_only());
  const tamp::any_view on_gpu = tamp::torch_view(on_device(c10::kCUDA, c10::DispatchKey::CUDA));
  BOOST_TEST((on_gpu.where() == tamp::memory::cuda));
  BOOST_TEST(on_gpu.visit<tamp::cuda_space>([](auto m) { return m.cols(); }) == 4u);
}

BOOST_AUTO_TEST_CASE(token_policies_read_hidden_states_and_attention_where_they_lie) {
  at::manual_seed(8);
  const std::vector<tamp::modality> kinds(12, tamp::modality::image);
  const auto kept_by = [&](const auto& policy, const at::Tensor& hidden,
                           const at::Tensor& attention) {
    tamp::token::context context{.kinds = kinds};
    context.hidden = hidden;
    context.attention = tamp::token::attention_view::of_last_query(attention);
    return tamp::token::select(context, policy, {.keep = 4}).kept;
  };
  const at::Tensor hidden = at::randn({1, 12, 16}).to(at::kBFloat16);
  const at::Tensor attention = at::randn({1, 4, 12, 12}).softmax(-1).to(at::kHalf);
  const at::Tensor last =
      attention[0].select(1, -1);  // (heads, tokens), of each head its last query
  const tamp::token::divprune by_hidden;
  const tamp::token::attention_top_k by_attention;
  BOOST_TEST((kept_by(by_hidden, hidden[0], last) ==
              kept_by(by_hidden, hidden[0].to(at::kFloat), last.to(at::kFloat).contiguous())));
  const auto kept = kept_by(by_attention, hidden[0], last);
  const at::Tensor top = std::get<0>(std::get<1>(last.to(at::kFloat).mean(0).topk(4)).sort());
  BOOST_TEST_REQUIRE(kept.size() == 4u);
  for (std::int64_t k = 0; k < 4; ++k)
    BOOST_TEST(std::int64_t(kept[std::size_t(k)]) == top[k].item<std::int64_t>());
}

BOOST_AUTO_TEST_CASE(asking_whether_something_is_a_tensor_compiles) {
  static_assert(tamp::any_tensor<at::Tensor> && tamp::any_tensor<const at::Tensor&>);
  static_assert(tamp::tensor<at::Tensor> && tamp::prunable_tensor<const at::Tensor>);
  static_assert(!tamp::tensor_argument<at::Scalar>);
}

BOOST_AUTO_TEST_SUITE_END()
