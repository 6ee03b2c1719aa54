#!/usr/bin/env bash
# Each test and file that docs/security.md names exists.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=0
# The backticks are those of Markdown.
# shellcheck disable=SC2016
while IFS= read -r named; do
  file=${named%%::*}
  if [ ! -e "$file" ]; then
    echo "docs/security.md names $file, which does not exist" >&2
    missing=1
  elif [ "$named" != "$file" ] && ! grep -q "fn ${named##*::}(" "$file"; then
    echo "docs/security.md names ${named##*::}, which is not in $file" >&2
    missing=1
  fi
done < <(grep -oE '`[A-Za-z0-9_./-]+\.(rs|ts|tsx|js|sh|md)(::[a-z0-9_]+)?`' docs/security.md | tr -d '`' | sort -u)
exit "$missing"
