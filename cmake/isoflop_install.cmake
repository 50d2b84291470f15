# Filled in by the packaging: headers, libraries, CMake package, pkg-config.
include(GNUInstallDirs)
install(TARGETS isoflop RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
