#!/usr/bin/env bash
# Everything that can be found wrong without running the product.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

"$root/scripts/toolchain.sh" run
. "$root/scripts/env.sh"
cd "$root"

failures=()
step() {
  say "$*"
  "$@" || failures+=("$*")
}

step cargo fmt --all --check
step cargo clippy --workspace --all-targets -- --deny warnings
"$root/scripts/node-modules.sh"
cd frontend
step npm run --silent typecheck
step npm run --silent lint

[ ${#failures[@]} = 0 ] || die "failed: $(printf '%s; ' "${failures[@]}")"
