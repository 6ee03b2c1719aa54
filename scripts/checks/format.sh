#!/usr/bin/env bash
# Rust sources are as rustfmt leaves them.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/../env.sh"
cd "$root"
cargo fmt --all --check
