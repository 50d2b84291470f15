# Shared by quickstart.sh and test.sh: install what is missing, build once.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*" >&2; }

# packages SECTION...: the names in packages.txt under these headings.
packages() {
  awk -v wanted="$*" '
    /^# \[/ { gsub(/[# \[\]]/, ""); section = $0; next }
    /^#/ || /^$/ { next }
    index(" " wanted " ", " " section " ") { print }' packages.txt
}

# install_missing SECTION...: nothing over the network, and no root, when everything is there.
install_missing() {
  local missing=() name
  for name in $(packages "$@"); do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { say "These packages are missing and this user cannot install them: ${missing[*]}"; exit 1; }
    root=(sudo)
  fi
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
    { say "apt-get could not install them; see the messages above."; exit 1; }
}

# configure PRESET: only when there is no build yet (ninja re-runs cmake itself when a CMake file changes).
configure() {
  [ -f "build/$1/build.ninja" ] || cmake --preset "$1" "${@:2}" >&2
}
