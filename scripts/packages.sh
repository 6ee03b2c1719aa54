#!/usr/bin/env bash
# Installs Debian or Ubuntu packages, starting no daemon. Usage: packages.sh NAME...
# Without a name it refreshes the package lists only.
# Exits non-zero, with one line naming the packages, when that is not possible.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

has apt-get || die "missing packages ($*) and no apt-get here: install them by hand"

as_root=()
if [ "$(id -u)" != 0 ]; then
  has sudo || die "missing packages ($*): install them as root, or install sudo"
  as_root=(sudo)
  # Without a terminal nobody could answer a password prompt.
  [ -t 0 ] || as_root=(sudo -n)
fi

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 -o Acquire::http::Timeout=20 \
    -o Dpkg::Use-Pty=0 "$@" >&2
}

# Debian's postgresql package creates a cluster and starts it on port 5432
# unless a drop-in says otherwise; the drop-in is there only while we install.
without_main_cluster() {
  local drop_in=/etc/postgresql-common/createcluster.d/sre-copilot.conf
  "${as_root[@]}" mkdir -p "$(dirname "$drop_in")"
  # Also where it is interrupted: whoever installs Postgres later may want a cluster.
  # shellcheck disable=SC2064
  trap "$(printf '%q ' "${as_root[@]}" rm -f "$drop_in")" EXIT
  echo 'create_main_cluster = false' | "${as_root[@]}" tee "$drop_in" >/dev/null
  "$@"
}

apt update || say "package lists could not be refreshed; trying with the old ones"
[ $# -gt 0 ] || exit 0
say "installing packages: $*"
without_main_cluster apt install --no-install-recommends "$@" || die "could not install: $*"
