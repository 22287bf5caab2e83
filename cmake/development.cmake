# The flags of tamp's own tests, examples and benchmarks. Users never see them.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_package(OpenMP REQUIRED)
find_package(Eigen3 REQUIRED)
find_package(nlohmann_json REQUIRED)

add_library(tamp_development INTERFACE)
target_link_libraries(tamp_development INTERFACE tamp::tamp)
target_compile_options(tamp_development INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wconversion>)
if(TAMP_WERROR)
  target_compile_options(tamp_development INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()

# Most tests are compiled in continuous integration without optimisation, in half the time. What runs too
# long so, the engine and the study, has further options of its own.
set(TAMP_FAST_OPTIONS "" CACHE STRING "Further options of what must run fast: the engine and the study")

# tamp_for_processor(TARGET SCOPE PROCESSOR): compiles a target for a processor that -march knows, such
# as native or x86-64-v4; for the compiler's own choice if PROCESSOR is empty.
#
# GCC 12 takes the undefined registers in its own AVX-512 intrinsics for variables that nobody
# initialises, wherever they are inlined into Eigen's products. Only targets for such processors do
# without these two warnings: the same sources are compiled with them for other processors, and the
# library alone, tests/processors/library.cpp, for these.
include(CheckCXXSourceCompiles)
function(tamp_for_processor target scope processor)
  set(options)
  if(processor)
    set(options -march=${processor})
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    string(MAKE_C_IDENTIFIER "TAMP_AVX512_ON_${processor}" has_avx512)
    set(CMAKE_REQUIRED_FLAGS ${options})
    set(CMAKE_REQUIRED_QUIET ON)
    check_cxx_source_compiles("#ifndef __AVX512F__\n#error\n#endif\nint main() {}" ${has_avx512})
    if(${has_avx512})
      list(APPEND options -Wno-maybe-uninitialized -Wno-uninitialized)
    endif()
  endif()
  target_compile_options(${target} ${scope} "$<$<COMPILE_LANGUAGE:CXX>:${options}>")
endfunction()
tamp_for_processor(tamp_development INTERFACE "${TAMP_PROCESSOR}")

# Kernels are compared to the CPU bit by bit: nvcc must not join a user's multiplications and
# additions, as the CPU's compiler does not.
if(TAMP_CUDA)
  enable_language(CUDA)
  set(host_warnings -Wall,-Wextra)
  if(TAMP_WERROR)
    string(APPEND host_warnings ,-Werror)
    target_compile_options(tamp_development INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
  endif()
  target_compile_options(tamp_development INTERFACE
                         $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false -Xcompiler=${host_warnings}>)
endif()
