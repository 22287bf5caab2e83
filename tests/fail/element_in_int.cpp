// expects: tamp does not know this type of number: specialise tamp::element_traits for it
#include <tamp/tamp.hpp>
#include <vector>

struct host_number {
  short bits;
};

template <>
struct tamp::element_traits<host_number> {  // arithmetic is in float or double
  using compute = int;
  static int load(host_number value) noexcept { return value.bits; }
  static host_number store(int number) noexcept { return {static_cast<short>(number)}; }
};

void wrong(std::vector<host_number>& numbers) {
  tamp::select(tamp::view(numbers, 2, 4),
               tamp::compose(tamp::score::magnitude{}, tamp::pattern::n_of_m<2, 4>{}));
}
