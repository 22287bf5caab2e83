// Vectors of `vector_bytes` bytes, in the vector types of GCC and clang. The operators
// + - * / & | ~ < <= == and ?: work lane by lane. A comparison gives integers of the lanes' width,
// with all bits set or none.

template <class T>
struct vector_of {
  typedef T type __attribute__((vector_size(vector_bytes)));
};
template <class T>
using vec = typename vector_of<T>::type;
template <class T>
static constexpr std::size_t lanes = vector_bytes / sizeof(T);

template <class T>
static vec<T> load(const T* from) noexcept {
  vec<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class T>
static void store(T* to, vec<T> v) noexcept {
  std::memcpy(to, &v, sizeof v);
}
template <class T>
static vec<T> all(T number) noexcept {
  return number - vec<T>{};  // minus keeps -0, plus would not
}

// Keeps a sum as it was rounded, which -ffast-math would undo.
template <class T>
static vec<T> as_rounded(vec<T> v) noexcept {
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__)
#  if defined(__x86_64__)
  __asm__("" : "+x"(v));
#  elif defined(__aarch64__)
  __asm__("" : "+w"(v));
#  endif
#endif
  return v;
}

// Returns a product that is rounded by itself, even where the compiler may fuse it with a sum.
template <class T>
static vec<T> rounded_product(vec<T> a, vec<T> b) noexcept {
  vec<T> product = a * b;
#if defined(__x86_64__)
  __asm__("" : "+x"(product));
#elif defined(__aarch64__)
  __asm__("" : "+w"(product));
#endif
  return product;
}

// Prefetches the cache line at an address into the second-level cache. The first one can wait for a
// few lines only, and would lose others that are in use.
static void fetch_line(const std::byte* at) noexcept { __builtin_prefetch(at, 0, 2); }

static void fetch_lines(const std::byte* first, std::size_t size) noexcept {
  constexpr std::size_t line = 64;
  for (std::size_t k = 0; k < size; k += line) fetch_line(first + k);
}
template <std::size_t Size>
static void fetch_lines(const std::byte* first) noexcept {
  constexpr std::size_t line = 64;
  TAMP_SIMD_UNROLL
  for (std::size_t k = 0; k < Size; k += line) fetch_line(first + k);
}

template <class Vector>
static auto sum_of_lanes(Vector v) noexcept {
  auto sum = v[0];
  for (std::size_t k = 1; k < vector_bytes / sizeof sum; ++k) sum += v[k];
  return sum;
}
