#!/usr/bin/env bash
# Downloads the source of another project from the system's Debian or Ubuntu. Nothing is installed, and the system's own
# package lists are not touched.
#
# usage: obtain-source.sh DIRECTORY open-posix|glibc|fio
#
# leaves in DIRECTORY: open-posix/, the source package posixtestsuite, unpacked as Debian has it; glibc/rt/, what
# the C library has of tests of asynchronous I/O, and nothing else of it; or fio/. Does nothing when it is there.
set -eu

case "$#${2-}" in
2open-posix) package=posixtestsuite ;;
2glibc) package=glibc ;;
2fio) package=fio ;;
*)
	echo "usage: $0 DIRECTORY open-posix|glibc|fio" >&2
	exit 2
	;;
esac
suite=$2
harness=$(realpath "$(dirname "$0")")
mkdir -p "$1"
cd "$1"
directory=$PWD
[ ! -e "$suite/complete" ] || exit 0

# shellcheck source=checks/harness/apt.sh
. "$harness/apt.sh"
apt=$PWD/apt.$suite
trap 'rm -rf "$apt" "$apt.errors" "$directory/download.$suite"' EXIT

# obtain_source: downloads it; another release's where the mirror has none of this one
obtain_source() {
	local name
	for name in "$release" bookworm trixie; do
		sources "$release" "$name"
		# One list of many may fail, and the rest do; what matters is whether the package comes.
		get amd64 update || true
		if get amd64 source --download-only "$package"; then return 0; fi
	done
	return 1
}

release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
rm -rf "$suite" "download.$suite" "$apt.errors"
mkdir "download.$suite"
cd "download.$suite"
if ! obtain_source; then
	sort -u "$apt.errors" >&2
	echo "$0: cannot download the source of $package: check the network and the mirrors in /etc/apt" >&2
	exit 1
fi
case $suite in
open-posix | fio) dpkg-source --extract --no-check ./*.dsc "../$suite" >/dev/null ;;
glibc)
	# Twelve files of seventeen thousand.
	mkdir ../glibc
	tar -x -f glibc_*.orig.tar.* -C ../glibc --strip-components=1 --wildcards '*/rt/tst-aio*.c'
	;;
esac
sed -n 's/^Version: //p' ./*.dsc | head -n 1 >"../$suite/complete"
