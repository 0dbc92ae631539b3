#!/usr/bin/env bash
# Makes the archives that distributions build from: libaio-rs-VERSION.tar.gz, what git tracks, and
# libaio-rs-VERSION-vendor.tar.gz, the crates of Cargo.lock and of aioinfo/Cargo.lock.
#
# usage: source-archives.sh DIRECTORY
set -eu

[ $# = 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
out=$(realpath "$1")
cd "$(dirname "$0")/.."
name=libaio-rs-$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

archive() {
	tar --sort=name --mtime="@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" --owner=0 --group=0 --numeric-owner \
		--mode=u=rwX,go=rX -C "$work" -c "$1" | gzip -9n >"$out/$2.tar.gz"
}
mkdir "$work/$name"
git ls-files -z | tar -c --null -T - | tar -x -C "$work/$name"
archive "$name" "$name"
cargo vendor --quiet --locked --versioned-dirs --sync aioinfo/Cargo.toml "$work/vendor" >/dev/null
archive vendor "$name-vendor"
