#!/usr/bin/env bash
# Runs every fuzz target for N seconds, or for N inputs each, under the address and undefined sanitizers. No input may
# allocate more than 512 MB at once or hold more than 2 GB.
# usage: scripts/test_fuzz.sh [SECONDS | --runs N] [TARGET...]
. "$(dirname "$0")/common.sh"
limit=-max_total_time=10 what="10 s"
case "${1:-}" in
  --runs) limit=-runs=$2 what="$2 inputs"; shift 2 ;;
  [0-9]*) limit=-max_total_time=$1 what="$1 s"; shift ;;
esac
configure fuzz
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for source in tests/fuzz/*.cc; do targets+=("$(basename "$source" .cc)"); done
fi
cmake --build --preset fuzz --target "${targets[@]/#/fuzz_}"
for name in "${targets[@]}"; do
  corpus=build/fuzz/corpus/fuzz_$name
  mkdir -p "$corpus"
  seeds=tests/fuzz/seeds/$name
  [ -d "$seeds" ] || seeds=
  say "fuzzing $name for $what"
  build/fuzz/tests/fuzz/fuzz_"$name" "$limit" -rss_limit_mb=2048 -malloc_limit_mb=512 -timeout=10 -artifact_prefix=build/fuzz/ \
    -print_final_stats=1 -verbosity=0 "$corpus" $seeds 2>"build/fuzz/$name.log" ||
    { tail -40 "build/fuzz/$name.log" >&2; say "$name found a failure"; exit 1; }
  awk -v name="$name" '/number_of_executed_units/ { n = $2 } /average_exec_per_sec/ { rate = $2 } /peak_rss_mb/ { rss = $2 }
    END { printf "  %s: %s inputs, %s a second, at most %s MB held, no failure\n", name, n, rate, rss }' "build/fuzz/$name.log" >&2
done
