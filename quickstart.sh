#!/usr/bin/env bash
# Installs what is missing, builds isoflop, and writes the outlier report: which open models break the
# MMLU-versus-compute line. Leaves outliers.svg and outliers.png here. Safe to run again.
. "$(dirname "$0")/scripts/common.sh"
install_missing build run
configure quick
cmake --build --preset quick >&2
build/quick/isoflop outliers --benchmark mmlu -o outliers.svg -o outliers.png -o outliers.csv
say "Next: build/quick/isoflop --help"
