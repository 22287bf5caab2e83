// expects: tamp does not know this type of number
#include <tamp/tamp.hpp>

void wrong(tamp::matrix_view<const int> hidden) {
  tamp::token::context c;
  c.hidden = hidden;
}
