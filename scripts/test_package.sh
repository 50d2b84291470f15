#!/usr/bin/env bash
# Makes the Debian packages, checks what is in them, installs them in a bare Debian 12 and runs the program there.
# usage: scripts/test_package.sh build/release [--contents]     --contents: do not install
# ISOFLOP_CHROOT names a Debian 12 folder to copy; otherwise debootstrap makes one (root and network needed).
. "$(dirname "$0")/common.sh"
build=$(cd "$1" && pwd)
out=$build/package
mkdir -p "$out"
rm -f "$out"/*.deb
command -v dpkg-shlibdeps >/dev/null || { say "skipped: dpkg-dev is not installed"; exit 0; }
cmake --build "$build" --target all >&2
(cd "$build" && cpack -G DEB -B "$out" >"$out/cpack.log" 2>&1) || { tail -20 "$out/cpack.log" >&2; exit 1; }
program=$(ls "$out"/isoflop_*.deb)
development=$(ls "$out"/isoflop-dev_*.deb)
say "$(basename "$program"), $(stat -c %s "$program") bytes; depends on $(dpkg-deb -f "$program" Depends)"

dpkg-deb -c "$program" >"$out/contents"
for wanted in usr/bin/isoflop usr/lib/.*libisoflop.so.1 usr/share/man/man1/isoflop.1.gz usr/share/man/man1/isoflop-models-show.1.gz \
  usr/share/bash-completion/completions/isoflop usr/share/zsh/vendor-completions/_isoflop usr/share/fish/vendor_completions.d/isoflop.fish \
  usr/share/doc/isoflop/copyright; do
  grep -qE " \./$wanted" "$out/contents" || { say "$wanted is not in the package"; exit 1; }
done
if [ -x "$build/isoflop-mpi" ]; then
  mpi=$(ls "$out"/isoflop-mpi_*.deb)
  dpkg-deb -c "$mpi" >"$out/mpi-contents"
  grep -qE ' \./usr/bin/isoflop-mpi$' "$out/mpi-contents" || { say "usr/bin/isoflop-mpi is not in its package"; exit 1; }
  dpkg-deb -f "$mpi" Depends | grep -q mpi || { say "isoflop-mpi does not depend on an MPI library"; exit 1; }
  say "$(basename "$mpi"), $(stat -c %s "$mpi") bytes"
fi
if grep -qE 'usr/include|\.a$' "$out/contents"; then say "headers or static libraries are in the wrong package"; exit 1; fi

[ "${2:-}" != --contents ] || exit 0
[ "$(id -u)" -eq 0 ] || { say "skipped: installing needs root"; exit 0; }
root=$out/root
if [ ! -x "$root/usr/bin/apt-get" ]; then
  rm -rf "$root"
  if [ -n "${ISOFLOP_CHROOT:-}" ]; then
    cp -a --one-file-system "$ISOFLOP_CHROOT" "$root"
  elif command -v debootstrap >/dev/null; then
    say "making a bare Debian 12"
    debootstrap --variant=minbase bookworm "$root" >"$out/debootstrap.log" 2>&1 || { rm -rf "$root"; say "skipped: debootstrap cannot reach a mirror"; exit 0; }
  else
    say "skipped: debootstrap is not installed and ISOFLOP_CHROOT is not set"
    exit 0
  fi
fi
for file in /etc/resolv.conf /etc/apt/apt.conf.d/*proxy*; do
  [ -f "$file" ] && cp "$file" "$root$file"
done
cp "$program" "$development" "$root/tmp/"
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }
inside apt-get update -qq >"$out/apt.log" 2>&1 || { say "skipped: no package mirror can be reached"; exit 0; }
inside apt-get install -y -qq --reinstall --download-only "/tmp/$(basename "$program")" >>"$out/apt.log" 2>&1 ||
  { say "skipped: the packages it depends on cannot be fetched"; exit 0; }
inside apt-get install -y -qq --reinstall "/tmp/$(basename "$program")" >>"$out/apt.log" 2>&1 || { tail -20 "$out/apt.log" >&2; exit 1; }

inside isoflop --version
inside isoflop models show phi-3-mini --json | grep -q '"params_total": 3821079552'
inside isoflop plan --compute 5.76e23 --replicates 50 | head -3
inside isoflop outliers --bootstrap 0 -o /tmp/outliers.svg -o /tmp/outliers.png >/dev/null
inside test -s /tmp/outliers.png
inside dpkg -L isoflop | grep -q python3/dist-packages/isoflop/__init__.py && echo "Python module: packaged"
say "installed and ran on $(. "$root/etc/os-release"; echo "$PRETTY_NAME")"
