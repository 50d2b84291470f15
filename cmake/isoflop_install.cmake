# What `cmake --install` leaves: the program, the C library with pkg-config, the C++ libraries with a CMake package.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS isoflop RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
if(TARGET isoflop-mpi)
  install(TARGETS isoflop-mpi RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT mpi)
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/isoflop-mpi RENAME copyright COMPONENT mpi)
endif()
install(TARGETS isoflop_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
install(FILES apps/c_api.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/isoflop COMPONENT development)

install(TARGETS isoflop_core isoflop_fits isoflop_sim EXPORT isoflop
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
# Headers that only sources of the same folder include stay behind: formulas templated on their scalar, solvers, loops
# written for one instruction set, fields of an importer.
foreach(folder lib fits sim)
  install(DIRECTORY ${folder}/isoflop DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development FILES_MATCHING PATTERN "*.h"
    PATTERN "laws" EXCLUDE PATTERN "solver" EXCLUDE REGEX "isoflop/fits/kernel$" EXCLUDE PATTERN "hf_fields.h" EXCLUDE
    PATTERN "hf_blocks.h" EXCLUDE)
endforeach()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/isoflop)
install(EXPORT isoflop NAMESPACE isoflop:: DESTINATION ${package} FILE isoflop-targets.cmake COMPONENT development)
configure_package_config_file(cmake/isoflop-config.cmake.in ${CMAKE_BINARY_DIR}/isoflop-config.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/isoflop-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/isoflop-config.cmake ${CMAKE_BINARY_DIR}/isoflop-config-version.cmake
  DESTINATION ${package} COMPONENT development)

# Relative to itself, so that the folder can be moved and packed.
file(RELATIVE_PATH ISOFLOP_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/isoflop.pc.in ${CMAKE_BINARY_DIR}/isoflop.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/isoflop.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

# Manual pages and completion scripts, written by the program after it is built.
if(NOT ISOFLOP_SANITIZE)  # sanitizers make the program's exit code their own
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/share/written
    COMMAND ${CMAKE_COMMAND} -DISOFLOP=$<TARGET_FILE:isoflop> -DOUTPUT=${CMAKE_BINARY_DIR}/share -P ${PROJECT_SOURCE_DIR}/cmake/man_pages.cmake
    DEPENDS isoflop ${PROJECT_SOURCE_DIR}/cmake/man_pages.cmake VERBATIM)
  add_custom_target(isoflop_man_pages ALL DEPENDS ${CMAKE_BINARY_DIR}/share/written)
  install(DIRECTORY ${CMAKE_BINARY_DIR}/share/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT runtime)
  install(FILES ${CMAKE_BINARY_DIR}/share/completion/isoflop.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
    RENAME isoflop COMPONENT runtime)
  install(FILES ${CMAKE_BINARY_DIR}/share/completion/_isoflop DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT runtime)
  install(FILES ${CMAKE_BINARY_DIR}/share/completion/isoflop.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT runtime)
endif()
# Present only after scripts/fetch_web_assets.sh: third-party scripts for the zoom of `isoflop report`.
install(DIRECTORY ${CMAKE_BINARY_DIR}/web/ DESTINATION ${CMAKE_INSTALL_DATADIR}/isoflop/web COMPONENT runtime OPTIONAL)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/isoflop RENAME copyright COMPONENT runtime)
include(isoflop_package)
