// expects: the weight's type of number is known only at run time, and that of the sparse weight
// must be known at compile time: name it
#include <tamp/tamp.hpp>

void wrong(const tamp::any_view& weight) { static_cast<void>(tamp::sparse::pack(weight)); }
