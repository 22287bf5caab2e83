// expects: the layout of this mdspan has no stride for each dimension: copy it into one with
// std::layout_right, or show its rows as a row_tensor
#include <mdspan>
#include <tamp/adapt/mdspan.hpp>
#include <tamp/prune/apply.hpp>

struct layout_of_halves {  // the left half of the columns, then the right one
  template <class Extents>
  struct mapping {
    using extents_type = Extents;
    using index_type = typename Extents::index_type;
    using size_type = typename Extents::size_type;
    using rank_type = typename Extents::rank_type;
    using layout_type = layout_of_halves;

    Extents extents_;

    constexpr const Extents& extents() const noexcept { return extents_; }
    constexpr index_type operator()(index_type i, index_type j) const noexcept {
      const index_type half = extents_.extent(1) / 2;
      return (j / half * extents_.extent(0) + i) * half + j % half;
    }
    constexpr index_type required_span_size() const noexcept {
      return extents_.extent(0) * extents_.extent(1);
    }
    static constexpr bool is_always_unique() noexcept { return true; }
    static constexpr bool is_always_exhaustive() noexcept { return true; }
    static constexpr bool is_always_strided() noexcept { return false; }
    static constexpr bool is_unique() noexcept { return true; }
    static constexpr bool is_exhaustive() noexcept { return true; }
    static constexpr bool is_strided() noexcept { return false; }
  };
};

void wrong(std::mdspan<float, std::dextents<int, 2>, layout_of_halves> weight) {
  tamp::apply(weight, tamp::mask::bitmask(2, 4));
}
