#!/usr/bin/env bash
# The reference is made without a warning, and every type and function of the public headers says what it is.
# usage: scripts/check_api_reference.sh [FOLDER]         exit code 77 (skipped) where doxygen is not installed
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/../build/api}
"$here/make_api_reference.sh" "$folder"
cd "$here/.."
python=/usr/bin/python3
[ -x $python ] || python=python3
exec $python scripts/check_api_comments.py "$folder"
