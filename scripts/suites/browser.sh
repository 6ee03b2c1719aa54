#!/usr/bin/env bash
# Playwright: every page against the mock API, then two walks against
# the real server, which gets a data folder, a database and ports of its own.
set -uo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/../env.sh"
cd "$root/frontend" || exit 1

if [ -z "${SRE_COPILOT_TEST_CHROMIUM:-}" ]; then
  echo "skipped browser: no Chromium on this machine" >>"$RESULTS/browser"
  exit 0
fi
"$root/scripts/node-modules.sh" || exit 1

# walk PROJECT: runs one Playwright project and records its tests.
walk() {
  local report=$RESULTS/playwright-$1.json outcome=0
  PLAYWRIGHT_JSON_OUTPUT_NAME=$report timeout 1800 \
    npx playwright test --project="$1" --reporter=line,json || outcome=$?
  node "$root/scripts/suites/results.mjs" playwright "$report" >>"$RESULTS/browser" ||
    echo "failed browser: $1 did not run" >>"$RESULTS/browser"
  return "$outcome"
}

# Called by the trap.
# shellcheck disable=SC2317
stop_server() {
  [ -z "${server:-}" ] || { kill "$server" 2>/dev/null; wait "$server"; }
  rm -rf "$data"
}

# Starts the test build of the server on free ports; prints nothing.
start_server() {
  # Postgres runs as another user when we are root, and must reach its folder.
  data=$(mktemp -d)
  chmod 711 "$data"
  trap stop_server EXIT
  SRE_COPILOT_DATA_DIR=$data SRE_COPILOT_HTTP_ADDR=127.0.0.1:0 SRE_COPILOT_WS_ADDR=127.0.0.1:0 \
    SRE_COPILOT_OTLP_GRPC_ADDR=127.0.0.1:0 SRE_COPILOT_REGISTRATION=open \
    env -u DATABASE_URL "$CARGO_TARGET_DIR/debug/sre-copilot" >"$RESULTS/server.log" 2>&1 &
  server=$!
  local deadline=$((SECONDS + 120)) port
  while [ $SECONDS -lt $deadline ] && kill -0 "$server" 2>/dev/null; do
    port=$(sed -n 's/.*"http":[[:space:]]*\([0-9]*\).*/\1/p' "$data/ports.json" 2>/dev/null)
    export E2E_BASE_URL=http://127.0.0.1:$port
    [ -z "$port" ] || ! curl -fsS -o /dev/null --max-time 2 "$E2E_BASE_URL/readyz" 2>/dev/null || return 0
    sleep 0.2
  done
  tail -n 50 "$RESULTS/server.log"
  return 1
}

outcome=0
npm run --silent build:mock >"$RESULTS/build-mock.log" 2>&1 || { cat "$RESULTS/build-mock.log"; exit 1; }
walk mock || outcome=1

# The test build reads the console from frontend/dist.
"$root/scripts/ui.sh" && (cd "$root" && cargo build --quiet --package server --bin sre-copilot) || exit 1
if start_server; then
  walk real || outcome=1
else
  echo "failed browser: the server did not become ready" >>"$RESULTS/browser"
  outcome=1
fi
exit "$outcome"
