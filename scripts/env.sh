# shellcheck shell=bash
# Where things are kept and found. Sourced by the other scripts; prints nothing.
# shellcheck disable=SC2034

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
: "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
export HOME

# Everything that can be fetched or built again lives outside the clone, so
# that a fresh clone on the same machine starts warm.
cache=${SRE_COPILOT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sre-copilot}
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-$cache/target}")
export CARGO_TARGET_DIR
export npm_config_cache=${npm_config_cache:-$cache/npm}

# A cached Node or a rustup toolchain is there only because the system's own
# was missing or too old, so it goes first.
if [ -d "$HOME/.cargo/bin" ]; then PATH=$HOME/.cargo/bin:$PATH; fi
if [ -x "$cache/node/bin/node" ]; then PATH=$cache/node/bin:$PATH; fi
if [ -r "$cache/rust-toolchain" ]; then
  RUSTUP_TOOLCHAIN=$(<"$cache/rust-toolchain")
  export RUSTUP_TOOLCHAIN
fi
export PATH

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# A port nobody listens on, below the range outgoing connections are given.
free_port() {
  local port
  while port=$(shuf -n 1 -i 20000-31999); do
    (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}
