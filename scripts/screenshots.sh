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

# Every page is rendered, to be looked at; README shows the ones that say most: the first in
# full, the others beside each other. FILE:WORDS FOR WHO CANNOT SEE IT
shown=(
  "overview-light-1440:The overview"
  "incident-dark-1440:An incident"
  "incidents-light-1440:All incidents"
  "getting-started-dark-1440:Getting started"
  "incident-light-390:On a phone"
)
rendered=${SHOTS_DIR:-$root/test-results/screenshots}
shots=$root/docs/screenshots
rm -rf "$rendered" "$shots"
mkdir -p "$rendered" "$shots"
"$root/scripts/node-modules.sh"
(cd "$root/frontend" && SHOTS_DIR=$rendered npm run --silent screenshots)

section=$(mktemp)
trap 'rm -f "$section"' EXIT
# picture FILE:WORDS: keeps the file and prints it as Markdown.
picture() {
  cp "$rendered/${1%%:*}.png" "$shots/" || die "the console rendered no ${1%%:*}"
  echo "![${1#*:}](docs/screenshots/${1%%:*}.png)"
}

{
  echo '<!-- screenshots -->'
  picture "${shown[0]}"
  words='|' rule='|' pictures='|'
  for entry in "${shown[@]:1}"; do
    one=$(picture "$entry")
    words+=" ${entry#*:} |"
    rule+='---|'
    pictures+=" $one |"
  done
  printf '\n%s\n%s\n%s\n' "$words" "$rule" "$pictures"
  echo '<!-- /screenshots -->'
} >"$section"
sed -i -e "/^<!-- screenshots -->$/,/^<!-- \/screenshots -->$/{/^<!-- \/screenshots -->$/r $section
d}" "$root/README.md"
