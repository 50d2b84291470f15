#!/usr/bin/env bash
# Installs what is missing, builds everything, runs every test.
#   ./test.sh --fast            leaves out the suites labelled slow, the sanitizer build and the fuzz run
#   ./test.sh --everything      also the other suites and fuzz targets under the sanitizers, and the Debian package
#                               installed in a bare Debian 12 that debootstrap makes
. "$(dirname "$0")/scripts/common.sh"
fast=no
sanitized=test_lib
case "${1:-}" in
  --fast) fast=yes ;;
  --everything) sanitized=all ;;
esac
install_missing build run test

say "== release build and tests"
configure release
cmake --build --preset release
if [ $fast = yes ]; then
  ctest --preset release -LE slow -j 2
  exit
fi
ctest --preset release -j 2

say "== programs that use an installed isoflop"
scripts/test_consumers.sh build/release

say "== Debian packages"
if [ "$sanitized" = all ]; then scripts/test_package.sh build/release; else scripts/test_package.sh build/release --contents; fi

say "== address and undefined sanitizers on the fast tests"
configure asan
cmake --build --preset asan --target "$sanitized"
if [ "$sanitized" = all ]; then
  ctest --preset asan -j 2
else
  build/asan/tests/test_lib --test-suite-exclude=slow
fi

say "== fuzzing the parsers"
if [ "$sanitized" = all ]; then
  scripts/test_fuzz.sh 10
else
  # Those of lib, which read what people bring; the targets sim_* take minutes to compile.
  scripts/test_fuzz.sh 5 $(cd tests/fuzz && ls *.cc | grep -v ^sim_ | sed 's/\.cc$//')
fi
