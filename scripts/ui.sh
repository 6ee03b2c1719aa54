#!/usr/bin/env bash
# Builds the console into frontend/dist, unless what is there is newer than
# everything it is built from.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

cd "$root/frontend"
built=dist/index.html

sources=(src public index.html package.json package-lock.json)
for optional in vite.config.ts tsconfig*.json ../gateway/openapi.json; do
  [ ! -e "$optional" ] || sources+=("$optional")
done
if [ -f "$built" ] && [ -z "$(find "${sources[@]}" -newer "$built" -print -quit)" ]; then exit; fi

"$root/scripts/node-modules.sh"
say "building the console"
npm run --silent build >&2
