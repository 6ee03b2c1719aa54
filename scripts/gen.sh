#!/usr/bin/env bash
# Writes what is generated from Rust types, in the order of what needs what:
# Avro schemas, the OpenAPI document, the console's API types. Commit the result.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

"$root/scripts/toolchain.sh" run
. "$root/scripts/env.sh"
cd "$root"
cargo run --quiet --package schemas --bin write-schemas
cargo run --quiet --package gateway --bin write-openapi
"$root/scripts/node-modules.sh"
cd frontend
npm run --silent gen
