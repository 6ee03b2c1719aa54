#!/usr/bin/env bash
# Installs the console's dependencies as locked, when they are not there yet.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

cd "$root/frontend"
if [ node_modules/.package-lock.json -nt package-lock.json ]; then exit; fi
say "installing the console's dependencies"
npm ci --prefer-offline --no-audit --no-fund >&2
touch node_modules/.package-lock.json
