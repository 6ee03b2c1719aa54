#!/usr/bin/env bash
# A second `make` fetches, installs and builds nothing that is there already,
# so that it works offline; a changed source is noticed.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/../env.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
calls=$tmp/calls
: >"$calls"

# Commands that would reach the network only write down that they were called.
forbid() {
  mkdir -p "$tmp/bin"
  for name in "$@"; do
    printf '#!/bin/sh\necho "%s $*" >>"%s"\nexit 1\n' "$name" "$calls" >"$tmp/bin/$name"
    chmod 755 "$tmp/bin/$name"
  done
}

expect_calls() {
  diff <(printf '%s' "${2:+$2$'\n'}") "$calls" || die "$1: other calls than expected (< expected, > made)"
  : >"$calls"
}

forbid apt-get sudo pip mvn
PATH=$tmp/bin:$PATH "$root/scripts/toolchain.sh" run
expect_calls "toolchain.sh where everything is installed" ""

# The peers that this run has found are found again without fetching.
found=()
for pair in PROMETHEUS=prometheus ALERTMANAGER=alertmanager REDIS_SERVER=redis KAFKA_DIR=kafka KEYCLOAK=keycloak; do
  variable=SRE_COPILOT_TEST_${pair%=*}
  [ -z "${!variable:-}" ] || found+=("${pair#*=}")
  unset "$variable"
done
PATH=$tmp/bin:$PATH "$root/scripts/peers.sh" postgres "${found[@]}" >"$tmp/exports"
expect_calls "peers.sh for ${found[*]}" ""
[ "$(wc -l <"$tmp/exports")" -gt "${#found[@]}" ] || die "a peer was lost: $(cat "$tmp/exports")"

# The console, in a clone of its own with an npm that only pretends.
clone=$tmp/clone
mkdir -p "$clone/frontend/src" "$clone/frontend/public"
cp -r "$root/scripts" "$clone/scripts"
# Times well apart: two files that are written within one tick are equally old.
touch -d '1 minute ago' "$clone"/frontend/{src/main.tsx,index.html,package.json,package-lock.json}
cat >"$tmp/bin/npm" <<STUB
#!/bin/sh
echo "npm \$1" >>"$calls"
case \$1 in ci) mkdir -p node_modules && touch node_modules/.package-lock.json ;; esac
case \$1 in run) mkdir -p dist && touch dist/index.html ;; esac
STUB
chmod 755 "$tmp/bin/npm"
ui() { SRE_COPILOT_CACHE=$tmp/cache PATH=$tmp/bin:$PATH "$clone/scripts/ui.sh"; }

ui
expect_calls "the console's first build" $'npm ci\nnpm run'
ui
expect_calls "the console's second build" ""
touch -d '1 minute' "$clone/frontend/src/main.tsx"
ui
expect_calls "the console after a source changed" "npm run"
touch -d '1 minute' "$clone/frontend/package-lock.json"
ui
expect_calls "the console after the lock file changed" $'npm ci\nnpm run'
