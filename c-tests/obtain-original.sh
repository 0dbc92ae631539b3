#!/usr/bin/env bash
# Downloads the original libaio from Debian: its source (for its test suite) and its binary packages
# for amd64 and i386 (to compare with). Debian 13's packages come too where they can be had: they have
# another name and, on i386, functions that take 64-bit timeouts. Nothing is installed, and the
# system's own package lists are not touched.
#
# usage: obtain-original.sh DIRECTORY [source]      with "source", nothing else
#
# leaves in DIRECTORY: source/ (unpacked), amd64/ and i386/ (unpacked packages), and debian-13/ with
# the same two. Does nothing when they are there.
set -eu

[ "$#${2-}" = 1 ] || [ "$#${2-}" = 2source ] || { echo "usage: $0 DIRECTORY [source]" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
if [ -e complete ] && [ -e debian-13/complete ]; then exit 0; fi

apt=$PWD/apt
trap 'rm -rf "$apt"' EXIT

# sources [OLD NEW]: the system's, with source packages switched on, and one release's name replaced.
sources() {
	local list name replace="s/${1:-^\$}/${2-}/g"
	rm -rf "$apt"
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/sources"
	for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -e "$list" ] || continue
		name=$apt/sources/$(basename "$list")
		sed -n -E "s/^deb(-src)?[[:space:]]/deb /;$replace;/^deb /p" "$list" | sort -u >"$name"
		sed -n -E 's/^deb /deb-src /p' "$name" >"$apt/sources/source-$(basename "$list")"
	done
	for list in /etc/apt/sources.list.d/*.sources; do
		[ -e "$list" ] || continue
		sed -E "s/^Types:.*/Types: deb deb-src/;$replace" "$list" >"$apt/sources/$(basename "$list")"
	done
}

get() {
	apt-get -qq -o APT::Architecture=amd64 -o APT::Architectures::=amd64 -o APT::Architectures::=i386 \
		-o APT::Sandbox::User=root -o Dir::Etc::SourceList=/dev/null \
		-o Dir::Etc::SourceParts="$apt/sources" -o Dir::State::Lists="$apt/lists" \
		-o Dir::Cache="$apt/cache" "$@"
}

# unpack PACKAGE...: each into the directory of its architecture
unpack() {
	local package architecture
	for package; do
		architecture=${package##*_}
		dpkg-deb --extract "$package" "${architecture%.deb}"
	done
}

if ! [ -e complete ]; then
	rm -rf source amd64 i386 libaio*
	sources
	# One list of many may fail, and the rest do; what matters is whether the packages come.
	get update 2>apt/errors || true
	if ! get source --download-only libaio || { [ $# = 1 ] &&
		! get download libaio1:amd64 libaio-dev:amd64 libaio1:i386 libaio-dev:i386; }; then
		cat apt/errors >&2
		echo "$0: cannot download libaio from Debian: check the network and /etc/apt/sources.list" >&2
		exit 1
	fi
	dpkg-source --extract --no-check libaio_*.dsc source >/dev/null
	[ $# = 1 ] || exit 0
	unpack libaio1_*.deb libaio-dev_*.deb
	touch complete
fi

# The tests that need these are skipped without them.
rm -rf debian-13
mkdir debian-13
cd debian-13
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
sources "$release" trixie
get update 2>errors || true
if get download libaio1t64:amd64 libaio-dev:amd64 libaio1t64:i386 libaio-dev:i386 2>>errors; then
	unpack libaio1t64_*.deb libaio-dev_*.deb
	touch complete
else
	echo "$0: cannot download Debian 13's libaio, and go on without: $(tail -n 1 errors)" >&2
fi
