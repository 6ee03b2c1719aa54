#!/usr/bin/env bash
# Unpacks servers that only tests need into the cache: nothing is installed, no
# daemon starts, no root is needed. Usage: debs.sh PACKAGE...
# Commands end up in $cache/debs/bin; what they link against comes along.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

debs=$cache/debs
has apt-get || die "no apt-get here"

# The packages that an installation would bring, less what is never run: fonts,
# scripts for the servers' own web pages, and the C library, which must match
# the loader of this machine.
with_libraries() {
  apt-get -s install --no-install-recommends "$@" 2>/dev/null |
    sed -n 's/^Inst \([^ ]*\) .*/\1/p' |
    grep -vE '^(libjs-|fonts-|libc6|libc-bin|node-|adduser$|init-system-helpers$)'
}

# Debian's Alertmanager reads /usr/share/prometheus/alertmanager and has no flag
# for another place. Where the package is not installed, it starts in a mount
# namespace of its own that shows the unpacked files there; the pid stays.
share_of() {
  [ "$(basename "$1")" = prometheus-alertmanager ] || return 0
  cat <<SHARE
[ -r /usr/share/prometheus/alertmanager/default.tmpl ] ||
  exec unshare --map-root-user --mount sh -c 'mount -t overlay overlay \\
    -o "lowerdir=$debs/root/usr/share:/usr/share" /usr/share && exec "\$0" "\$@"' "$1" "\$@"
SHARE
}

# Commands are reached through wrappers that add the unpacked libraries.
wrap() {
  local program=$1 multiarch
  multiarch=$(dpkg --print-architecture | sed 's/amd64/x86_64/;s/arm64/aarch64/')-linux-gnu
  cat >"$debs/bin/$(basename "$program")" <<WRAPPER
#!/bin/sh
export LD_LIBRARY_PATH="$debs/root/usr/lib/$multiarch:$debs/root/lib/$multiarch\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
$(share_of "$program")
exec "$program" "\$@"
WRAPPER
  chmod 755 "$debs/bin/$(basename "$program")"
}

fetched=$(mktemp -d)
trap 'rm -rf "$fetched"' EXIT

fetch() {
  local packages
  mapfile -t packages < <(with_libraries "$@")
  [ ${#packages[@]} -gt 0 ] || return 1
  say "fetching ${packages[*]}"
  (cd "$fetched" && apt-get -q -o APT::Sandbox::User=root download "${packages[@]}" >/dev/null)
}

# A new machine has no package lists, an old one lists of packages long gone.
fetch "$@" || { "$root/scripts/packages.sh" && fetch "$@"; } || die "apt has nothing to fetch for: $*"

mkdir -p "$debs/root" "$debs/bin"
for deb in "$fetched"/*.deb; do dpkg-deb -x "$deb" "$debs/root"; done
for program in "$debs"/root/usr/bin/* "$debs"/root/usr/sbin/*; do
  [ ! -x "$program" ] || wrap "$program"
done
