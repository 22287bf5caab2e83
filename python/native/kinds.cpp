#include "kinds.hpp"

#include <tamp/error.hpp>

#include "arrays.hpp"

namespace tamp_python {

std::vector<tamp::modality> kinds_of(nb::handle kinds, std::size_t tokens,
                                     tamp::modality otherwise) {
  std::vector<tamp::modality> all(tokens, otherwise);
  if (kinds.is_none()) return all;
  std::fill(all.begin(), all.end(), tamp::modality::text);
  if (nb::isinstance<nb::slice>(kinds) || PyRange_Check(kinds.ptr())) {
    const nb::object begin = kinds.attr("start"), end = kinds.attr("stop"),
                     step = kinds.attr("step");
    const auto first = begin.is_none() ? 0 : nb::cast<std::int64_t>(begin);
    const auto last =
        end.is_none() ? static_cast<std::int64_t>(tokens) : nb::cast<std::int64_t>(end);
    if (!step.is_none() && nb::cast<std::int64_t>(step) != 1)
      tamp::detail::raise<tamp::value_error>("a range of visual tokens has the step 1, not ",
                                             nb::cast<std::int64_t>(step));
    if (first < 0 || last < first || last > static_cast<std::int64_t>(tokens))
      tamp::detail::raise<tamp::shape_error>("visual tokens ", first, " to ", last,
                                             " leave a sequence of ", tokens, " tokens");
    for (auto t = first; t < last; ++t) all[static_cast<std::size_t>(t)] = tamp::modality::image;
    return all;
  }
  const nb::object bytes =
      nb::module_::import_("numpy").attr("asarray")(kinds).attr("astype")("uint8");
  const tensor numbers(bytes, "tokens", "kinds");
  if (numbers.ndim() != 1 || numbers.extent(0) != tokens)
    tamp::detail::raise<tamp::shape_error>("the kinds of tokens are a list of ",
                                           numbers.ndim() == 1 ? numbers.extent(0) : std::size_t{0},
                                           ", and there are ", tokens, " tokens");
  const tamp::any_view view = numbers.matrix();
  const auto* data = static_cast<const unsigned char*>(view.data());
  for (std::size_t t = 0; t < tokens; ++t)
    all[t] = static_cast<tamp::modality>(data[static_cast<std::ptrdiff_t>(t) * view.col_stride()]);
  return all;
}

}  // namespace tamp_python
