#!/usr/bin/env bash
# The reference of the public headers and the C function, as HTML, by doxygen.
# usage: scripts/make_api_reference.sh [FOLDER]          default: build/api
# Exit code 77 where doxygen is not installed, 1 where it warns.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-build/api}
command -v doxygen >/dev/null || { echo "The reference needs the Debian package doxygen (apt-get install doxygen)." >&2; exit 77; }
rm -rf "$folder"
mkdir -p "$folder"
# As cmake/isoflop_install.cmake installs them.
headers=$(find lib/isoflop fits/isoflop sim/isoflop -name '*.h' ! -path '*/laws/*' ! -path '*/solver/*' \
  ! -path 'fits/isoflop/fits/kernel/*' ! -name hf_fields.h | sort | tr '\n' ' ')
{ cat docs/api/Doxyfile
  echo "INPUT = docs/api/main_page.md docs/api/groups.dox apps/c_api.h $headers"
  echo "OUTPUT_DIRECTORY = $folder"
} | doxygen - 2>"$folder/warnings"
if [ -s "$folder/warnings" ]; then
  head -40 "$folder/warnings" >&2
  echo "doxygen gave $(grep -c warning "$folder/warnings") warnings ($folder/warnings)" >&2
  exit 1
fi
echo "wrote $folder/html/index.html ($(find "$folder/html" -name '*.html' | wc -l) pages, $(wc -w <<<"$headers") headers)"
