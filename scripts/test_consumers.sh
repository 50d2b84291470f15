#!/usr/bin/env bash
# Installs a build into a prefix and builds and runs real small programs against it: C++ by find_package, C by
# pkg-config, Python by site-packages. Also: every installed header compiles alone, only isoflop_* is exported.
# usage: scripts/test_consumers.sh build/release
. "$(dirname "$0")/common.sh"
build=$(cd "$1" && pwd)
out=$build/consumers
prefix=$out/prefix
rm -rf "$out"
cmake -DCMAKE_INSTALL_PREFIX="$prefix" -S . -B "$build" >/dev/null 2>&1
cmake --install "$build" --prefix "$prefix" >/dev/null

say "C++: a planner by find_package"
cmake -G Ninja -S tests/consumers/cpp -B "$out/cpp" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$out/cpp" >/dev/null
"$out/cpp/planner" 5.76e23 h100-sxm-80gb
if "$out/cpp/planner" plenty 2>"$out/complaint"; then exit 1; fi
grep -q '"plenty" is not a number' "$out/complaint"

say "C: questions by pkg-config, also from 8 threads at once"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig:$prefix/lib/$(gcc -print-multiarch)/pkgconfig
gcc -std=c99 -Wall -Wextra -pedantic -Werror -pthread $(pkg-config --cflags isoflop) tests/consumers/c/ask.c -o "$out/ask" $(pkg-config --libs isoflop)
export LD_LIBRARY_PATH=$(pkg-config --variable=libdir isoflop)
"$out/ask"
"$out/ask" '{"command": "models show", "arguments": ["phi-3-mini"]}' params_total

say "headers: each compiles with nothing but the installed folder"
(cd "$prefix/include" && find isoflop -name '*.h' | sort) >"$out/headers"
xargs -P 2 -I{} bash -c 'echo "#include <$1>" | g++ -std=c++20 -fsyntax-only -Wall -Wextra -I "$2" -x c++ - 2>"$3/complaint-${1//\//-}" ||
  { head -20 "$3/complaint-${1//\//-}" >&2; echo "$1 does not compile alone" >&2; exit 255; }' _ {} "$prefix/include" "$out" <"$out/headers"
if grep -rnE '#include [<"](Eigen|ceres|boost|nlohmann|CLI|fmt|libfccp)' "$prefix/include"; then say "an installed header needs a dependency"; exit 1; fi
say "$(wc -l <"$out/headers") headers"

say "symbols: only isoflop_* is exported"
others=$(nm -D --defined-only "$LD_LIBRARY_PATH/libisoflop.so" | awk '{print $3}' | grep -v '^isoflop_' || true)
[ -z "$others" ] || { printf '%s\n' "$others" | head >&2; exit 1; }

python=$(find "$prefix/lib" -type d -path '*-packages' | head -1)
if [ -n "$python" ] && /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
  say "Python: 10,000 plans from NumPy arrays"
  script=$PWD/tests/consumers/python/sweep.py
  (cd "$out" && PYTHONPATH=$python /usr/bin/python3 "$script")
else
  say "skipped: the Python module, because pybind11-dev or python3-numpy is not installed"
fi

"$prefix/bin/isoflop" --version
