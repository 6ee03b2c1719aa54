#!/usr/bin/env bash
# Installs what building and running need (`run`), or testing too (`test`).
# Touches nothing, and needs no network, when everything is there already.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

purpose=${1:-run}

postgres_here() { has postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }
library_here() { has pkg-config && pkg-config --exists "$1"; }

# Vite needs 20.19, 22.12 or anything later.
node_here() {
  has npm && node -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)' 2>/dev/null
}

rust_here() {
  local wanted have
  has cargo || return 1
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
  have=$(cargo --version 2>/dev/null | cut -d' ' -f2)
  [ -n "$have" ] && printf '%s\n%s\n' "$wanted" "$have" | sort -V -C
}

missing_for_run() {
  has gcc && has g++ || echo build-essential
  has make || echo make
  has pkg-config || echo pkg-config
  has mold || echo mold
  has curl || echo curl
  [ -s /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
  library_here openssl || echo libssl-dev
  library_here zlib || echo zlib1g-dev
  # With a database of the user's own the server starts none.
  [ -n "${DATABASE_URL:-}" ] && [ "$purpose" = run ] || postgres_here || echo postgresql
}

# Tests that need one of these are skipped by name where it cannot be had.
missing_for_test() {
  [ -n "${SRE_COPILOT_TEST_CHROMIUM:-}" ] || has chromium || echo chromium
  has java || echo default-jre-headless
  has mvn || echo maven
  has python3 || echo python3
  [ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import yaml' 2>/dev/null || echo python3-yaml
  has xfs_io || [ -x /usr/sbin/xfs_io ] || echo xfsprogs
}

mapfile -t needed < <(missing_for_run)
[ ${#needed[@]} = 0 ] || "$root/scripts/packages.sh" "${needed[@]}"
node_here || "$root/scripts/node.sh"
rust_here || "$root/scripts/rust.sh"

if [ "$purpose" = test ]; then
  mapfile -t wanted < <(missing_for_test)
  # One package that cannot be had must not keep the others away.
  [ ${#wanted[@]} = 0 ] || "$root/scripts/packages.sh" "${wanted[@]}" || for package in "${wanted[@]}"; do
    "$root/scripts/packages.sh" "$package" || say "$package: not installed; tests that need it are skipped"
  done
fi
