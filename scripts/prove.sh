#!/usr/bin/env bash
# Runs the tests at the counts that the claims name (SRE_COPILOT_PROVE=1) and
# collects what they print as `PROOF name: figures` into docs/proofs.md; then
# the benches. Hours, not minutes.
set -uo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
cd "$root" || exit 1

log=$(mktemp)
trap 'rm -f "$log"' EXIT
SRE_COPILOT_PROVE=1 "$root/scripts/test.sh" | tee "$log"
outcome=${PIPESTATUS[0]}

{
  echo '# Proofs'
  echo
  echo "Written by \`make prove\` on $(date --utc +%F), commit $(git rev-parse --short HEAD)," \
    "$(nproc) cores, Linux $(uname -r)."
  echo
  echo '| Proof | Figures |'
  echo '|---|---|'
  cat test-results/*.log |
    sed -n 's/^PROOF \([^:]*\(::[^:]*\)*\): \(.*\)/| \1 | \3 |/p' | sort -u
  echo
  echo "Tests: $(tail -n 1 "$log")."
  sed -n '/^skipped:$/,/^[^ s]/{/^skipped:$/c\\nSkipped:\n
  s/^  /- /p}' "$log"
} >docs/proofs.md

"$root/scripts/bench.sh" || outcome=1
exit "$outcome"
