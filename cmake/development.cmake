# What tamp's own tests, examples and benchmarks are compiled with. Users never see it.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_package(OpenMP REQUIRED)
find_package(Eigen3 REQUIRED)
find_package(nlohmann_json REQUIRED)

add_library(tamp_development INTERFACE)
target_link_libraries(tamp_development INTERFACE tamp::tamp)
target_compile_options(tamp_development INTERFACE -Wall -Wextra -Wconversion)
if(TAMP_WERROR)
  target_compile_options(tamp_development INTERFACE -Werror)
endif()
if(TAMP_NATIVE)
  target_compile_options(tamp_development INTERFACE -march=native)
endif()
