#!/usr/bin/env bash
# Runs every scripts/checks/*.sh: exit 0 passes; a line `SKIPPED NAME: WHY`
# on stderr skips; anything else fails.
set -uo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/../env.sh"
cd "$root" || exit 1

for check in scripts/checks/*.sh; do
  name=$(basename "$check" .sh)
  log=$RESULTS/$name.log
  if ! timeout 300 "$check" >"$log" 2>&1; then
    echo "failed check $name" >>"$RESULTS/shell"
    echo "  FAILED $name"
    cat "$log"
  elif grep -q '^SKIPPED ' "$log"; then
    sed -n 's/^SKIPPED /skipped /p' "$log" >>"$RESULTS/shell"
    grep '^SKIPPED ' "$log"
  else
    echo "passed 1" >>"$RESULTS/shell"
    echo "  ok $name"
  fi
done
