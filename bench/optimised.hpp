#pragma once

// What a program says that was compiled in a way that makes its figures worthless; else null.

namespace bench {

inline const char* why_not_measured() {
#if defined(__OPTIMIZE__) && defined(NDEBUG)
  return nullptr;
#else
  return "this was compiled without optimisation or with assertions, and its figures would mean "
         "nothing. Configure with: cmake --preset bench";
#endif
}

}  // namespace bench
