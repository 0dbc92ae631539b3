#!/bin/sh
# Compiles the library with the oldest libc crate that Cargo.toml allows: Debian builds its package with that.
#
# usage: oldest-libc.sh DIRECTORY
set -eu

cd "$(dirname "$0")/.."
oldest=$(sed -n 's/^libc = .*version = "\([0-9.]*\)".*/\1/p' Cargo.toml)
[ -n "$oldest" ] || { echo "$0: Cargo.toml names no oldest libc crate" >&2; exit 1; }
rm -rf "$1"
mkdir -p "$1"
cp -r Cargo.toml Cargo.lock src interfaces "$1"
cd "$1"
cargo update --quiet --package libc --precise "$oldest"
echo "cargo check with libc $oldest"
cargo check --workspace --quiet --release --locked
