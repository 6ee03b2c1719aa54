#!/usr/bin/env bash
# cargo test over the workspace. --show-output keeps what a test printed beside
# its name in the log, so that `SKIPPED name: why` of a passing test is seen.
set -uo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/../env.sh"
cd "$root" || exit 1

# The server embeds the console, and its tests ask for it.
"$root/scripts/ui.sh" || echo "failed console: build" >>"$RESULTS/rust"

log=$RESULTS/rust.log
# On a terminal Ctrl-C must reach cargo too.
foreground=()
[ ! -t 1 ] || foreground=(--foreground)

limit_minutes=55
[ -z "${SRE_COPILOT_PROVE:-}" ] || limit_minutes=240

timeout "${foreground[@]}" "${limit_minutes}m" cargo test --workspace --no-fail-fast -- --show-output 2>&1 |
  tee "$log" |
  grep --line-buffered -E '^ +(Running|Doc-tests) |^test result:|^test .* FAILED$|^error|has been running for over'
outcome=${PIPESTATUS[0]}

# A test that skips returns at once, which cargo counts as passed.
skipped=$(sed -n 's/^SKIPPED \(.*: .*\)/skipped \1/p' "$log" | sort -u)
passed=$(sed -n 's/^test result: .* \([0-9]*\) passed;.*/\1/p' "$log" | awk '{n += $1} END {print n + 0}')
skips=$(grep -c . <<<"$skipped")
{
  echo "passed $((passed > skips ? passed - skips : 0))"
  sed -n 's/^test \(.*\) \.\.\. FAILED$/failed \1/p' "$log"
  sed -n 's/^test \(.*\) \.\.\. ignored\(, \(.*\)\)\?$/skipped \1: marked ignored \3/p' "$log"
  echo "$skipped"
} >>"$RESULTS/rust"

case $outcome in
  0) exit 0 ;;
  124) echo "failed cargo test: not done after $limit_minutes minutes" >>"$RESULTS/rust" ;;
esac
# What the failed tests printed, or why the build ended.
if grep -q '^failures:$' "$log"; then
  awk '/^failures:$/ {show = 1} show {print} /^test result:/ {show = 0}' "$log"
else
  tail -n 80 "$log"
fi
exit 1
