#!/usr/bin/env bash
# schemathesis from PyPI, in a virtual environment in the cache, named as
# `export NAME=path`. Where it cannot be had, its tests are skipped by name.
# Usage: eval "$(scripts/schemathesis.sh)"
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

version=4.32.5
folder=$cache/schemathesis/$version
if [ ! -e "$folder/complete" ]; then
  say "fetching schemathesis $version"
  if ! { python3 -m venv "$folder" >&2 &&
    "$folder/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" >&2; }; then
    say "schemathesis: not to be had here"
    exit 0
  fi
  touch "$folder/complete"
fi
printf 'export SRE_COPILOT_TEST_SCHEMATHESIS=%q\n' "$folder/bin/schemathesis"
