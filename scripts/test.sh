#!/usr/bin/env bash
# Runs everything that can run on this machine and says what was skipped.
# Usage: test.sh [SUITE...]; the last line is `N passed, N failed, N skipped`.
#
# A suite is scripts/suites/NAME.sh. It prints progress, and appends to
# $RESULTS/NAME lines of the form
#   passed N | failed NAME | skipped NAME: WHY
# A suite that ends badly without naming a failure counts as one failure.
set -uo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
cd "$root" || exit 1

"$root/scripts/toolchain.sh" test || die "the toolchain is incomplete; nothing was tested"
# Node or Rust may have come into the cache just now.
# shellcheck source=scripts/env.sh
. "$root/scripts/env.sh"
eval "$("$root/scripts/peers.sh")"
eval "$("$root/scripts/sdks.sh")"

export RESULTS=$root/test-results
rm -rf "$RESULTS"
mkdir -p "$RESULTS"

[ $# -gt 0 ] || set -- shell rust console browser
for suite in "$@"; do
  say "suite $suite"
  started=$SECONDS
  : >"$RESULTS/$suite"
  "$root/scripts/suites/$suite.sh" </dev/null ||
    grep -q '^failed ' "$RESULTS/$suite" || echo "failed suite $suite" >>"$RESULTS/$suite"
  say "suite $suite took $((SECONDS - started)) s"
done

of_kind() { sed -n "s/^$1 //p" "${@:2}"; }

files=()
for suite in "$@"; do files+=("$RESULTS/$suite"); done
passed=$(of_kind passed "${files[@]}" | awk '{n += $1} END {print n + 0}')
failed=$(of_kind failed "${files[@]}")
skipped=$(of_kind skipped "${files[@]}")
count() { grep -c . <<<"$1"; }
list() { while IFS= read -r line; do echo "  $line"; done <<<"$1"; }

echo
[ -z "$skipped" ] || { echo "skipped:"; list "$skipped"; }
[ -z "$failed" ] || { echo "failed:"; list "$failed"; echo "logs: $RESULTS"; }
echo "$passed passed, $(count "$failed") failed, $(count "$skipped") skipped"
[ -z "$failed" ]
