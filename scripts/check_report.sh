#!/bin/sh
# Opens a report in headless Chromium: no console message, no request leaving the page, hover, keys, filter, sorting and
# themes work, on a desk and at phone width. Skips with a message where no browser or node is installed.
# Usage: scripts/check_report.sh [PAGE.html [FOLDER for screenshots]]; without a page one is made with build/release/isoflop.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
browser=${CHROMIUM:-}
for name in chromium google-chrome chromium-browser google-chrome-stable; do
  [ -n "$browser" ] && break
  browser=$(command -v "$name" || true)
done
if [ -z "$browser" ] || ! command -v node >/dev/null; then
  echo "skipped: checking a report needs chromium (or google-chrome) and node"
  exit 0
fi
page=${1:-}
made=
if [ -z "$page" ]; then
  made=$(mktemp -d)
  trap 'rm -rf "$made"' EXIT
  page=$made/report.html
  "$here/build/release/isoflop" report -q --no-assets -o "$page" >/dev/null
fi
node "$here/scripts/check_report.mjs" "$browser" "$page" ${2:+"$2"}
