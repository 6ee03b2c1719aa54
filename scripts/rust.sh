#!/usr/bin/env bash
# Installs the Rust that the workspace asks for, by rustup, for this user only.
# The default toolchain of a rustup that is already there is left as it is.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
# From the server that the toolchains come from too, checked against its sum.
install_rustup() {
  local target folder sum
  target=$(uname -m)-unknown-linux-gnu
  folder=$(mktemp -d)
  curl --proto '=https' --tlsv1.2 -fsSL --output-dir "$folder" --remote-name-all \
    "https://static.rust-lang.org/rustup/dist/$target/rustup-init"{,.sha256} || return
  read -r sum _ <"$folder/rustup-init.sha256" || [ -n "$sum" ] || return
  echo "$sum  $folder/rustup-init" | sha256sum --check --quiet >&2 || return
  chmod 755 "$folder/rustup-init"
  "$folder/rustup-init" -y --quiet --no-modify-path --default-toolchain none >&2
  rm -rf "$folder"
}

if ! has rustup; then
  say "installing rustup"
  install_rustup || die "rustup could not be installed: install Rust $wanted by hand"
  PATH=$HOME/.cargo/bin:$PATH
fi
say "installing Rust $wanted"
rustup toolchain install "$wanted" --profile minimal --no-self-update --component clippy --component rustfmt >&2
mkdir -p "$cache"
echo "$wanted" >"$cache/rust-toolchain"
