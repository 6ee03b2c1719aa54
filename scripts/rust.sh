#!/usr/bin/env bash
# Installs the Rust that the workspace asks for, by rustup, for this user only.
# The default toolchain of a rustup that is already there is left as it is.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
if ! has rustup; then
  say "installing rustup"
  curl --proto '=https' --tlsv1.2 -fsSL https://sh.rustup.rs |
    sh -s -- -y --quiet --no-modify-path --default-toolchain none
  PATH=$HOME/.cargo/bin:$PATH
fi
say "installing Rust $wanted"
rustup toolchain install "$wanted" --profile minimal --component clippy --component rustfmt >&2
mkdir -p "$cache"
echo "$wanted" >"$cache/rust-toolchain"
