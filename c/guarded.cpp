#include "guarded.hpp"

#include <iterator>
#include <tamp/version.hpp>

namespace tamp_c {
namespace {

// Of a fixed size, so that an error is reported when there is no memory left.
thread_local char last_message[1024] = "";

}  // namespace

tamp_status refuse(tamp_status status, const char* sentence) noexcept {
  std::size_t k = 0;
  for (; k + 1 < sizeof last_message && sentence[k] != '\0'; ++k) last_message[k] = sentence[k];
  last_message[k] = '\0';
  return status;
}

tamp::any_view view_of(std::string_view function, std::string_view what,
                       const tamp_matrix* matrix) {
  const tamp_matrix& m = checked(function, what, matrix);
  constexpr tamp::dtype types[] = {tamp::dtype::f64,  tamp::dtype::f32,     tamp::dtype::f16,
                                   tamp::dtype::bf16, tamp::dtype::f8_e4m3, tamp::dtype::f8_e5m2,
                                   tamp::dtype::i8};
  const auto type = static_cast<std::size_t>(m.type);
  if (type >= std::size(types))
    tamp::detail::raise<tamp::value_error>(function, ": the type of ", what, " is ", type,
                                           ", and there are types 0 to ", std::size(types) - 1);
  const tamp::any_view view(m.data, types[type], m.rows, m.cols, m.row_stride, m.col_stride);
  return m.read_only != 0 ? view.as_const() : view;
}

}  // namespace tamp_c

const char* tamp_message(void) { return tamp_c::last_message; }

const char* tamp_version(void) { return tamp::version; }
