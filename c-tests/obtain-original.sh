#!/usr/bin/env bash
# Downloads the original libaio from Debian: its source (for its test suite) and its binary packages
# for amd64 and i386 (to compare with). Nothing is installed, and the system's own package lists are
# not touched.
#
# usage: obtain-original.sh DIRECTORY
#
# leaves in DIRECTORY: source/ (unpacked), amd64/ and i386/ (unpacked packages). Does nothing when
# they are there.
set -eu

[ $# = 1 ] || { echo "usage: $0 DIRECTORY" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
if [ -e complete ]; then exit 0; fi

apt=$PWD/apt
rm -rf apt source amd64 i386 libaio*
mkdir -p apt/lists/partial apt/cache/archives/partial apt/sources
trap 'rm -rf "$apt"' EXIT

# The system's sources, with source packages switched on.
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
	[ -e "$list" ] || continue
	sed -n -E 's/^deb(-src)?[[:space:]]/deb /p' "$list" | sort -u >"apt/sources/$(basename "$list")"
	sed -n -E 's/^deb /deb-src /p' "apt/sources/$(basename "$list")" >"apt/sources/source-$(basename "$list")"
done
for list in /etc/apt/sources.list.d/*.sources; do
	[ -e "$list" ] || continue
	sed -E 's/^Types:.*/Types: deb deb-src/' "$list" >"apt/sources/$(basename "$list")"
done

get() {
	apt-get -qq -o APT::Architecture=amd64 -o APT::Architectures::=amd64 -o APT::Architectures::=i386 \
		-o APT::Sandbox::User=root -o Dir::Etc::SourceList=/dev/null \
		-o Dir::Etc::SourceParts="$apt/sources" -o Dir::State::Lists="$apt/lists" \
		-o Dir::Cache="$apt/cache" "$@"
}

# One list of many may fail, and the rest do; what matters is whether the packages come.
get update 2>apt/update-errors || true
if ! get source --download-only libaio ||
	! get download libaio1:amd64 libaio-dev:amd64 libaio1:i386 libaio-dev:i386; then
	cat apt/update-errors >&2
	echo "$0: cannot download libaio from Debian: check the network and /etc/apt/sources.list" >&2
	exit 1
fi

dpkg-source --extract --no-check libaio_*.dsc source >/dev/null
for package in libaio1_*.deb libaio-dev_*.deb; do
	architecture=${package##*_}
	dpkg-deb --extract "$package" "${architecture%.deb}"
done
touch complete
