#!/usr/bin/env bash
# Builds what is missing or stale and starts the whole platform in the
# foreground. Arguments go to the server.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

binary=$("$root/scripts/build.sh")
cd "$root"
data=${SRE_COPILOT_DATA_DIR:-./data}

# The server writes the ports it got, so that this works with port 0 as well.
url() {
  local port
  port=$(sed -n 's/.*"http":[[:space:]]*\([0-9]*\).*/\1/p' "$data/ports.json" 2>/dev/null)
  echo "${SRE_COPILOT_PUBLIC_URL:-http://localhost:${port:-8580}}"
}

first_steps() {
  cat <<STEPS

  SRE Copilot is ready: $(url)

  1. Open the address above and register; the first account owns its tenant.
  2. Getting started shows a new API key once, and the snippet for Alertmanager with the key in it.
  3. When Alertmanager reloads and an alert fires, its incident appears without a reload.

  No Alertmanager at hand? Run 'make demo' in a second terminal. Ctrl-C stops everything.

STEPS
}

# Becomes the server below, so that signals reach it directly.
server=$$
(
  until curl -fsS -o /dev/null --max-time 2 "$(url)/readyz" 2>/dev/null; do
    kill -0 "$server" 2>/dev/null || exit 0
    sleep 0.2
  done
  first_steps
) &

exec "$binary" "$@"
