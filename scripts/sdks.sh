#!/usr/bin/env bash
# Real SDKs of agents, a tester of HTTP APIs and a mail server, for tests: fetched into the cache from PyPI and npm, and
# named as `export NAME=path` lines. What cannot be had is named on stderr; the
# tests that need it are then skipped by name.
# Usage: eval "$(scripts/sdks.sh)"
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

sdks=$root/server/tests/sdks

# A folder for exactly these versions, so that another list is fetched anew.
folder_of() { echo "$cache/sdks/$1-$(sha256sum "$2" | cut -c1-12)"; }

# python_environment NAME: the folder with the packages of that list.
python_environment() {
  local list=$sdks/$1/requirements.txt folder
  folder=$(folder_of "$1" "$list")
  if [ ! -e "$folder/complete" ]; then
    say "fetching Python packages: $1"
    python3 -m venv "$folder" >&2 &&
      "$folder/bin/pip" install --quiet --disable-pip-version-check -r "$list" >&2 || return 1
    touch "$folder/complete"
  fi
  echo "$folder"
}

python_sdks() {
  local folder
  folder=$(python_environment python) || return
  printf 'export SRE_COPILOT_TEST_PYTHON_SDKS=%q\n' "$folder/bin/python"
}

schemathesis() {
  local folder
  folder=$(python_environment schemathesis) || return
  printf 'export SRE_COPILOT_TEST_SCHEMATHESIS=%q\n' "$folder/bin/schemathesis"
}

mail_server() {
  local folder
  folder=$(python_environment mail) || return
  printf 'export SRE_COPILOT_TEST_MAIL_SERVER=%q\n' "$folder/bin/python"
}

node_sdks() {
  local list=$sdks/node/package-lock.json folder
  folder=$(folder_of node "$list")
  if [ ! -e "$folder/complete" ]; then
    say "fetching Node SDKs"
    mkdir -p "$folder" && cp "$sdks"/node/package*.json "$folder" &&
      (cd "$folder" && npm ci --silent --no-audit --no-fund >&2) || return 1
    touch "$folder/complete"
  fi
  printf 'export SRE_COPILOT_TEST_NODE_SDKS=%q\n' "$folder"
}

python_sdks || say "Python SDKs: not to be had here"
schemathesis || say "schemathesis: not to be had here"
mail_server || say "aiosmtpd: not to be had here"
if has npm; then node_sdks || say "Node SDKs: not to be had here"; fi
