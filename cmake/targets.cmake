# The targets that a user links. tamp::tamp needs nothing; each of the others adds one dependency
# and exists where that dependency was found.

add_library(tamp INTERFACE)
add_library(tamp::tamp ALIAS tamp)
target_compile_features(tamp INTERFACE cxx_std_20)
target_include_directories(tamp INTERFACE $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
                                          $<INSTALL_INTERFACE:include>)

# tamp_component(NAME PACKAGE TARGET...): tamp::NAME = tamp::tamp + the TARGETs out of PACKAGE.
function(tamp_component name package target)
  find_package(${package} QUIET)
  # FindMPI makes its target even if it finds nothing.
  if(TARGET ${target} AND (NOT package STREQUAL "MPI" OR MPI_CXX_FOUND))
    add_library(tamp_${name} INTERFACE)
    add_library(tamp::${name} ALIAS tamp_${name})
    set_target_properties(tamp_${name} PROPERTIES EXPORT_NAME ${name})
    target_link_libraries(tamp_${name} INTERFACE tamp ${target} ${ARGN})
    set_property(GLOBAL APPEND PROPERTY tamp_components ${name})
  else()
    message(STATUS "tamp::${name} is not available: ${package} was not found")
  endif()
endfunction()

tamp_component(eigen Eigen3 Eigen3::Eigen)
tamp_component(xtensor xtensor xtensor)
tamp_component(dlpack dlpack dlpack::dlpack)
tamp_component(openmp OpenMP OpenMP::OpenMP_CXX)
tamp_component(safetensors nlohmann_json nlohmann_json::nlohmann_json)
tamp_component(json nlohmann_json nlohmann_json::nlohmann_json)
tamp_component(mpi MPI MPI::MPI_CXX)
if(TARGET tamp_mpi) # without the C++ bindings that MPI once had
  target_compile_definitions(tamp_mpi INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
endif()

# LibTorch is searched for on request, since its package stops the configuration where it was built for a
# GPU whose toolkit is missing. A project that has found it already has tamp::torch.
if(TAMP_TORCH OR TARGET torch)
  tamp_component(torch Torch torch)
endif()

# tamp::cuda is for .cu files. The kernels call constexpr functions of the C++ library, and CMake
# 3.25 cannot ask nvcc for C++20 by itself.
tamp_component(cuda CUDAToolkit CUDA::cudart CUDA::cublas)
if(TARGET tamp_cuda)
  target_compile_options(
    tamp_cuda INTERFACE $<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-std=c++20 --expt-relaxed-constexpr>)
endif()
