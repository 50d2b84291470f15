#!/bin/sh
# Fetches Vega, Vega-Lite and Vega-Embed (BSD-3-Clause) from the npm registry for the zoom of `isoflop report`, into DIR or build/release/web.
# Versions are pinned and every package is compared with its checksum. Nothing fetched here belongs into the repository.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
target=${1:-$here/build/release/web}
for tool in npm tar sha512sum; do
  command -v $tool >/dev/null || { echo "fetching web assets needs $tool" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fetch() {  # package, version, SHA-512 of the package, file in it
  npm pack --silent --ignore-scripts "$1@$2" >/dev/null
  echo "$3  $1-$2.tgz" | sha512sum --check --quiet
  mkdir "$1"
  tar -xzf "$1-$2.tgz" -C "$1" "package/$4" package/package.json
}
fetch vega 5.33.1 d5f02b7d50d4a956dbe73f27fbf9d541bf95341cf1f2cbd8e82aecc932b85239b8cab77d2356aea0ac4100f5cb09abd8d4b72b6c752c9106c650ff205cecf243 build/vega.min.js
fetch vega-lite 5.23.0 97827af80584dc3223be8bc4a079762ddb425247e6e33b3c5f1c7b20dc19100bfe5d56fa911eaf20dd60b77b7680dda0b3fcb80d84ecfd13e84de600b8483a98 build/vega-lite.min.js
fetch vega-embed 6.29.0 3e696c8532ed2c52e05ad17f6f6dd3d4ec17e7702e809f51677a8f136734d551406e0b77fc648d23f7adcc0fc6cddae471e5c599af850c7357529a4ab8cd14e9 build/vega-embed.min.js
mkdir -p "$target"
for package in vega vega-lite vega-embed; do
  cp "$package/package/build/$package.min.js" "$target/$package.min.js"
  cp "$package/package/package.json" "$target/$package.package.json"  # names author and licence
done
echo "wrote $target ($(cat "$target"/*.js | wc -c) bytes of scripts)"
