#!/usr/bin/env bash
# Installs what is missing, builds everything, runs every test.
#   ./test.sh --fast            leaves out the suites labelled slow, the sanitizer build and the fuzz run
#   ./test.sh --all-sanitizers  runs every fast suite and every fuzz target under the sanitizers, not only those of lib
. "$(dirname "$0")/scripts/common.sh"
fast=no
sanitized=test_lib
case "${1:-}" in
  --fast) fast=yes ;;
  --all-sanitizers) sanitized=all ;;
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

say "== Debian packages, installed on a bare Debian 12 where that is possible"
scripts/test_package.sh build/release

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
