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

# Every page is rendered, to be looked at; README shows the ones that say most.
shown=(overview-light-1440 incident-dark-1440 incidents-light-1440 getting-started-dark-1440 incident-light-390)
rendered=${SHOTS_DIR:-$root/test-results/screenshots}
shots=$root/docs/screenshots
rm -rf "$rendered" "$shots"
mkdir -p "$rendered" "$shots"
"$root/scripts/node-modules.sh"
(cd "$root/frontend" && SHOTS_DIR=$rendered npm run --silent screenshots)

section=$(mktemp)
trap 'rm -f "$section"' EXIT
{
  echo '<!-- screenshots -->'
  for name in "${shown[@]}"; do
    cp "$rendered/$name.png" "$shots/" || die "the console rendered no $name"
    echo "![$name](docs/screenshots/$name.png)"
  done
  echo '<!-- /screenshots -->'
} >"$section"
sed -i -e "/^<!-- screenshots -->$/,/^<!-- \/screenshots -->$/{/^<!-- \/screenshots -->$/r $section
d}" "$root/README.md"
