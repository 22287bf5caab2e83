// The transpose of a square of numbers, in as many vectors as each has lanes.

// Moves number j of vector i to number i of vector j. Round by round, those halves, quarters, ...
// of the square that lie on the wrong side of the diagonal change places.
template <class T, std::size_t Distance = lanes<T> / 2>
static void transpose(vec<T> (&square)[lanes<T>]) noexcept {
  TAMP_SIMD_UNROLL
  for (std::size_t i = 0; i < lanes<T>; ++i)
    if ((i & Distance) == 0)
      exchange<T, Distance>(square[i], square[i + Distance], std::make_index_sequence<lanes<T>>());
  if constexpr (Distance > 1) transpose<T, Distance / 2>(square);
}
template <class T, std::size_t Distance, std::size_t... Lane>
static void exchange(vec<T>& upper, vec<T>& lower, std::index_sequence<Lane...>) noexcept {
  const vec<T> u = upper, l = lower;
#if defined(__CUDACC__)  // nvcc drops the dots when it passes the builtin to the host's compiler
  upper = vec<T>{(Lane & Distance ? l[Lane & ~Distance] : u[Lane])...};
  lower = vec<T>{(Lane & Distance ? l[Lane] : u[Lane | Distance])...};
#else
  upper = __builtin_shufflevector(u, l, (Lane & Distance ? lanes<T> + Lane - Distance : Lane)...);
  lower = __builtin_shufflevector(u, l, (Lane & Distance ? lanes<T> + Lane : Lane + Distance)...);
#endif
}
