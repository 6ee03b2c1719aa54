#!/usr/bin/env bash
# Cargo.lock matches every Cargo.toml, so that a clone builds what was tested.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/../env.sh"
cd "$root"
cargo metadata --locked --format-version 1 >/dev/null
