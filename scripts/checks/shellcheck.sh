#!/usr/bin/env bash
# Every shell script is clean under shellcheck.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -z "${SRE_COPILOT_TEST_SHELLCHECK:-}" ]; then
  echo "SKIPPED shellcheck: the package shellcheck cannot be had here" >&2
  exit 0
fi
"$SRE_COPILOT_TEST_SHELLCHECK" -x scripts/*.sh scripts/suites/*.sh scripts/checks/*.sh scripts/kafka .ci/run
