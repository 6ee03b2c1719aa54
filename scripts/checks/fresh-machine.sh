#!/usr/bin/env bash
# What the first `make run` installs is found by what it does next, not only by the second.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/../env.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/clone" "$tmp/home"
cp -r "$root/scripts" "$tmp/clone/scripts"
cd "$tmp/clone"
printf '#!/bin/sh\n' >scripts/ui.sh
# Installs a cargo that only says that it was called.
cat >scripts/toolchain.sh <<'STUB'
#!/bin/sh
mkdir -p "$HOME/.cargo/bin"
printf '#!/bin/sh\necho "cargo $1" >"$HOME/calls"\n' >"$HOME/.cargo/bin/cargo"
chmod 755 "$HOME/.cargo/bin/cargo"
STUB
env -u CARGO_TARGET_DIR HOME="$tmp/home" SRE_COPILOT_CACHE="$tmp/cache" PATH=/usr/bin:/bin \
  scripts/build.sh >"$tmp/built" || die "a first build does not find the cargo that was just installed"
[ "$(cat "$tmp/home/calls")" = "cargo build" ] || die "another cargo was called"
[ "$(cat "$tmp/built")" = "$tmp/cache/target/release/sre-copilot" ] || die "printed: $(cat "$tmp/built")"
