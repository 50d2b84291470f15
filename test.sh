#!/usr/bin/env bash
# Installs what is missing, builds everything, runs every test. `./test.sh --fast` leaves out the suites labelled slow,
# the sanitizer build and the fuzz run.
. "$(dirname "$0")/scripts/common.sh"
fast=no
[ "${1:-}" = --fast ] && fast=yes
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

say "== address and undefined sanitizers on the fast tests"
configure asan
cmake --build --preset asan
ctest --preset asan -j 2

say "== fuzzing the parsers, 10 s each"
scripts/test_fuzz.sh 10
