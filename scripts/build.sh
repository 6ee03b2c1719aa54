#!/usr/bin/env bash
# Leaves the whole product, console included, in one file and prints its path.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

"$root/scripts/toolchain.sh" run
# Node or Rust may have come just now.
# shellcheck source=scripts/env.sh
. "$root/scripts/env.sh"
"$root/scripts/ui.sh"
cd "$root"
cargo build --release --package server --bin sre-copilot >&2
echo "$CARGO_TARGET_DIR/release/sre-copilot"
