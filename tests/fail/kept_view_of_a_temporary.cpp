// expects: this weight is a temporary, and its numbers are gone with it: give it a name
#include <tamp/tamp.hpp>

void wrong(tamp::structure::named_weights& all, tamp::matrix_view<const float> weight,
           const tamp::structure::kept_part& kept) {
  all.add("up", tamp::structure::gathered(weight, kept));
}
