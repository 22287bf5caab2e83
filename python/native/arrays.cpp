#include "arrays.hpp"

#include <tamp/element.hpp>
#include <tamp/error.hpp>
#include <tamp/tensor/rows.hpp>

namespace tamp_python {
namespace {

constexpr const char* accepted =
    ", and tamp takes NumPy arrays, PyTorch tensors, and what else has __dlpack__";

// nb::str of an accessor would not convert it.
std::string text_of(nb::handle object) { return nb::str(object).c_str(); }

std::string name_of_type(nb::handle object) {
  const nb::object name = object.type().attr("__name__");
  return text_of(name);
}

// Types of number that NumPy or PyTorch do not hand over by DLPack, as the integers of their bits.
struct relabelled {
  const char* name;
  unsigned code, bits;
};
constexpr relabelled by_bits[] = {{"bfloat16", 4, 16},        {"float8_e4m3fn", 10, 8},
                                  {"float8_e5m2", 12, 8},     {"float8_e4m3fnuz", 11, 8},
                                  {"float8_e5m2fnuz", 13, 8}, {"float8_e8m0fnu", 14, 8}};

// The number type of an array by its name, without "torch.".
std::string dtype_name(nb::handle object) {
  if (!nb::hasattr(object, "dtype")) return {};
  const nb::object type = object.attr("dtype");
  const std::string name = text_of(type);
  const auto dot = name.rfind('.');
  return dot == std::string::npos ? name : name.substr(dot + 1);
}

nb::object as_integers(nb::handle object, unsigned bits) {
  const nb::object type = object.attr("dtype");
  if (text_of(type).starts_with("torch."))
    return object.attr("view")(nb::module_::import_("torch").attr(bits == 8 ? "uint8" : "int16"));
  return object.attr("view")(bits == 8 ? "uint8" : "int16");
}

}  // namespace

tensor::tensor(nb::handle object, const char* who, const char* what, access wanted) {
  nb::object source = nb::borrow(object);
  // A parameter of PyTorch is written to as its optimiser does, beside the graph.
  if (nb::hasattr(source, "requires_grad") && nb::hasattr(source, "detach") &&
      nb::cast<bool>(source.attr("requires_grad")))
    source = source.attr("detach")();
  // DLPack does not carry the sign that PyTorch keeps beside the numbers of some views.
  if (nb::hasattr(source, "is_neg") && nb::cast<bool>(source.attr("is_neg")()))
    throw nb::type_error(tamp::detail::sentence(who, ": ", what, " is a view of negated numbers: ",
                                                "give its resolve_neg()")
                             .c_str());
  const relabelled* label = nullptr;
  const std::string name = dtype_name(source);
  const bool is_torch = nb::hasattr(source, "detach");
  for (const relabelled& known : by_bits)
    if (name == known.name && !(is_torch && known.code == 4)) label = &known;
  if (label != nullptr) source = as_integers(source, label->bits);

  read_only_ = wanted == access::read;
  if (wanted == access::write) {
    nb::ndarray<> writable;
    if (nb::try_cast<nb::ndarray<>>(source, writable, false)) {
      owner_ = nb::ndarray<nb::ro>(writable);
    } else {
      read_only_ = true;
    }
  }
  if (!owner_.is_valid() && !nb::try_cast<nb::ndarray<nb::ro>>(source, owner_, false)) {
    const std::string refused =
        nb::hasattr(source, "__dlpack__")
            ? tamp::detail::sentence(" of ", dtype_name(source),
                                     ", whose numbers it does not hand over by DLPack")
            : accepted;
    throw nb::type_error(
        tamp::detail::sentence(who, ": ", what, " is a ", name_of_type(object), refused).c_str());
  }
  for (std::size_t d = 0; d < owner_.ndim(); ++d) {
    shape_.push_back(static_cast<std::int64_t>(owner_.shape(d)));
    strides_.push_back(owner_.stride(d));
  }
  code_ = label != nullptr ? label->code : owner_.dtype().code;
  bits_ = owner_.dtype().bits;
  lanes_ = owner_.dtype().lanes;
}

tamp::dtype tensor::type() const noexcept { return tamp::detail::dlpack_dtype(code_, bits_); }

tensor::fields tensor::described() const {
  return {const_cast<void*>(owner_.data()),
          {owner_.device_type()},
          static_cast<int>(shape_.size()),
          {code_, bits_, lanes_},
          shape_.data(),
          strides_.data(),
          0};
}

tamp::any_view tensor::matrix() const {
  return tamp::detail::dlpack_matrix(described(), read_only_);
}

std::vector<tamp::any_view> tensor::matrices() const {
  if (ndim() <= 2) return {matrix()};
  fields inner = described();
  inner.ndim = 2;
  const std::size_t outer = ndim() - 2;
  inner.shape += outer;
  inner.strides += outer;
  std::vector<tamp::any_view> all;
  std::vector<std::int64_t> at(outer, 0);
  char* const data = static_cast<char*>(inner.data);
  for (std::size_t d = 0; d < outer; ++d)
    if (shape_[d] == 0) return all;
  while (true) {
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < outer; ++d) offset += at[d] * strides_[d];
    inner.data = data == nullptr ? nullptr : data + offset * static_cast<std::int64_t>(bits_ / 8);
    all.push_back(tamp::detail::dlpack_matrix(inner, read_only_));
    std::size_t d = outer;
    while (d != 0 && ++at[d - 1] == shape_[d - 1]) at[--d] = 0;
    if (d == 0) return all;
  }
}

namespace {

template <class Real>
std::vector<Real> numbers_of(const tamp::any_view& numbers) {
  std::vector<Real> out;
  out.reserve(numbers.size());
  numbers.visit([&](auto view) {
    if (view.empty()) return;
    tamp::detail::row_reader read(view);
    for (std::size_t i = 0; i < view.rows(); ++i)
      for (const auto number : read(i)) out.push_back(static_cast<Real>(number));
  });
  return out;
}

template <class Real>
std::vector<Real> list_of(nb::handle list, const char* who, const char* what) {
  if (list.is_none()) return {};
  // Lists of Python and integers are a convenience: they are copied anyway.
  nb::object array = nb::borrow(list);
  if (!nb::hasattr(list, "__dlpack__"))
    array = nb::module_::import_("numpy").attr("asarray")(list, "float64");
  if (const auto type = tensor(array, who, what).type();
      type >= tamp::dtype::i64 && type <= tamp::dtype::boolean)
    array = nb::module_::import_("numpy").attr("asarray")(array, "float64");
  const tensor numbers(array, who, what);
  if (numbers.ndim() != 1)
    tamp::detail::raise<tamp::shape_error>(who, ": ", what, " has ", numbers.ndim(),
                                           " dimensions, and is a list of 1");
  return numbers_of<Real>(numbers.matrix());
}

}  // namespace

std::vector<float> floats(const tamp::any_view& numbers) { return numbers_of<float>(numbers); }
std::vector<double> doubles(const tamp::any_view& numbers) { return numbers_of<double>(numbers); }
std::vector<float> float_list(nb::handle list, const char* who, const char* what) {
  return list_of<float>(list, who, what);
}
std::vector<double> double_list(nb::handle list, const char* who, const char* what) {
  return list_of<double>(list, who, what);
}

}  // namespace tamp_python
