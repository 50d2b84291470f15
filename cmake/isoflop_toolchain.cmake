# Compiler settings shared by every target, and the cache that makes rebuilding cheap.
set(ISOFLOP_OPTIMIZE "-O2" CACHE STRING "optimisation of release builds; fuzzing builds faster with -O1")
set(CMAKE_CXX_FLAGS_RELEASE "${ISOFLOP_OPTIMIZE} -DNDEBUG")
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The base directory lets checkouts in different folders share results.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

add_library(isoflop_flags INTERFACE)
# g++ 12 reports -Wrestrict falsely on std::string concatenation (GCC bug 105651).
target_compile_options(isoflop_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
# Results must not depend on the compiler fusing multiply-adds where it likes.
target_compile_options(isoflop_flags INTERFACE -ffp-contract=off)
if(ISOFLOP_SANITIZE)
  target_compile_options(isoflop_flags INTERFACE -fsanitize=${ISOFLOP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(isoflop_flags INTERFACE -fsanitize=${ISOFLOP_SANITIZE})
endif()
if(ISOFLOP_COVERAGE)
  target_compile_options(isoflop_flags INTERFACE --coverage)
  target_link_options(isoflop_flags INTERFACE --coverage)
endif()

find_package(Threads REQUIRED)
find_package(fmt 9 CONFIG REQUIRED)
find_package(Eigen3 3.4 CONFIG REQUIRED)
find_package(Ceres 2.1 CONFIG REQUIRED QUIET)
find_package(Boost 1.74 REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_path(LIBFCCP_INCLUDE libfccp/csv.h REQUIRED)
find_library(LIBMD md REQUIRED)
find_path(LIBMD_INCLUDE sha2.h REQUIRED)

# A library folder: FOLDER/isoflop/... holds headers and sources side by side.
# `isoflop_library(core lib)` gives isoflop_core, alias isoflop::core, seeing only FOLDER.
function(isoflop_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/isoflop/*.cc)
  add_library(isoflop_${name} STATIC ${sources})
  add_library(isoflop::${name} ALIAS isoflop_${name})
  set_target_properties(isoflop_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(isoflop_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}> $<INSTALL_INTERFACE:include>)
  target_compile_features(isoflop_${name} PUBLIC cxx_std_20)
  target_link_libraries(isoflop_${name} PRIVATE $<BUILD_INTERFACE:isoflop_flags>)
endfunction()
