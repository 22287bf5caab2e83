# find_package(tamp COMPONENTS eigen xtensor ...) after `cmake --install`.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(components GLOBAL PROPERTY tamp_components)
install(DIRECTORY include/tamp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/tamp)

# One file of targets for each component, so that a user needs only the packages of those asked for.
install(TARGETS tamp EXPORT tampTargets)
install(EXPORT tampTargets NAMESPACE tamp:: DESTINATION ${package_folder} COMPONENT development)
foreach(component IN LISTS components)
  install(TARGETS tamp_${component} EXPORT tampTargets-${component})
  install(EXPORT tampTargets-${component} NAMESPACE tamp:: DESTINATION ${package_folder}
          COMPONENT development)
endforeach()
list(JOIN components ", " component_names)
configure_package_config_file(cmake/tampConfig.cmake.in ${PROJECT_BINARY_DIR}/tampConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/tampConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/tampConfig.cmake ${PROJECT_BINARY_DIR}/tampConfigVersion.cmake
        DESTINATION ${package_folder} COMPONENT development)

# For programs that are built with pkg-config. It finds the headers from its own place, so that an
# installation can be moved.
configure_file(cmake/tamp.pc.in ${PROJECT_BINARY_DIR}/tamp.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/tamp.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig
        COMPONENT development)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright COMPONENT development)
