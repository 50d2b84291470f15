#!/usr/bin/env bash
# Installs a build into a prefix and builds and runs small programs against it: C++ by find_package, C by pkg-config.
# usage: scripts/test_consumers.sh build/release
. "$(dirname "$0")/common.sh"
build=$(cd "$1" && pwd)
prefix=$build/consumers/prefix
rm -rf "$build/consumers"
cmake -DCMAKE_INSTALL_PREFIX="$prefix" -S . -B "$build" >/dev/null 2>&1
cmake --install "$build" --prefix "$prefix" >/dev/null

cmake -G Ninja -S tests/consumers/cpp -B "$build/consumers/cpp" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$build/consumers/cpp" >/dev/null
"$build/consumers/cpp/planner"

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig:$prefix/lib/$(gcc -print-multiarch)/pkgconfig
gcc -Wall -Werror $(pkg-config --cflags isoflop) tests/consumers/c/ask.c -o "$build/consumers/ask" $(pkg-config --libs isoflop)
LD_LIBRARY_PATH=$(pkg-config --variable=libdir isoflop) "$build/consumers/ask"

"$prefix/bin/isoflop" --version
