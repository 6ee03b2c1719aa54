#!/usr/bin/env bash
# Renders the console's pages into docs/screenshots and lists them in README.md
# between its two screenshot markers.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

"$root/scripts/toolchain.sh" test
. "$root/scripts/env.sh"
eval "$("$root/scripts/peers.sh" chromium)"
[ -n "${SRE_COPILOT_TEST_CHROMIUM:-}" ] || die "screenshots need Chromium"

shots=$root/docs/screenshots
rm -rf "$shots"
mkdir -p "$shots"
"$root/scripts/node-modules.sh"
(cd "$root/frontend" && SHOTS_DIR=$shots npm run --silent screenshots)

# README shows the wide pictures; the narrow ones stay beside them.
section=$(mktemp)
trap 'rm -f "$section"' EXIT
{
  echo '<!-- screenshots -->'
  for picture in "$shots"/*1440*.png; do
    [ -e "$picture" ] || die "the console rendered no pictures"
    name=$(basename "$picture" .png)
    echo "![$name](docs/screenshots/$name.png)"
  done
  echo '<!-- /screenshots -->'
} >"$section"
sed -i -e "/^<!-- screenshots -->$/,/^<!-- \/screenshots -->$/{/^<!-- \/screenshots -->$/r $section
d}" "$root/README.md"
