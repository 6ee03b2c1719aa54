#!/usr/bin/env bash
# The console without a browser: types, lint, generated API types, unit tests.
set -uo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/../env.sh"
cd "$root/frontend" || exit 1
"$root/scripts/node-modules.sh" || exit 1

# step NAME COMMAND...: passes or fails as one.
step() {
  local name=$1 log=$RESULTS/console.log
  if timeout 600 "${@:2}" >"$log" 2>&1; then
    echo "passed 1" >>"$RESULTS/console"
    echo "  ok $name"
  else
    echo "failed console: $name" >>"$RESULTS/console"
    echo "  FAILED $name"
    cat "$log"
  fi
}

step typecheck npm run --silent typecheck
step lint npm run --silent lint
step "API types are current" npm run --silent gen:check

report=$RESULTS/vitest.json
timeout 600 npm run --silent test -- --reporter=default --reporter=json --outputFile.json="$report"
outcome=$?
node "$root/scripts/suites/results.mjs" vitest "$report" >>"$RESULTS/console"
exit "$outcome"
