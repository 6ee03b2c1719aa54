#!/usr/bin/env bash
# Measures the product beside what it is compared with, in one run on this
# machine. The bench program writes docs/benchmarks.md. Arguments go to it.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

"$root/scripts/toolchain.sh" test
. "$root/scripts/env.sh"
eval "$("$root/scripts/peers.sh" postgres redis kafka prometheus victoria-metrics victoria-logs)"
cd "$root"
cargo run --release --package bench -- "$@"
