# What tamp's own tests, examples and benchmarks are compiled with. Users never see it.

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
if(TAMP_NATIVE)
  target_compile_options(tamp_development INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-march=native>)
endif()

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
