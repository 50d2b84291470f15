#!/usr/bin/env bash
# Runs every fuzz target for N seconds under the address and undefined sanitizers.
# usage: scripts/test_fuzz.sh [SECONDS]
. "$(dirname "$0")/common.sh"
seconds=${1:-10}
configure fuzz
cmake --build --preset fuzz
for target in build/fuzz/tests/fuzz/fuzz_*; do
  [ -x "$target" ] && [ -f "$target" ] || continue
  mkdir -p "build/fuzz/corpus/$(basename "$target")"
  say "fuzzing $(basename "$target") for $seconds s"
  "$target" -max_total_time="$seconds" -rss_limit_mb=2048 -malloc_limit_mb=512 -timeout=10 -artifact_prefix=build/fuzz/ -print_final_stats=0 -verbosity=0 \
    "build/fuzz/corpus/$(basename "$target")" || { say "$(basename "$target") found a failure"; exit 1; }
done
