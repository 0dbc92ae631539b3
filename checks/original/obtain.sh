#!/usr/bin/env bash
# Downloads the original libaio from the system's Debian or Ubuntu: its source (for its test suite) and its
# binary packages for amd64 and i386 (to compare with). From Debian 13 and Ubuntu 24.04 on they have another
# name and, on i386, functions that take 64-bit timeouts; on Debian 12 those of Debian 13 come too where they
# can be had. Nothing is installed, and the system's own package lists are not touched.
#
# usage: obtain.sh DIRECTORY [source]      with "source", nothing else
#
# leaves in DIRECTORY: source/ (unpacked), amd64/ and i386/ (unpacked packages), and debian-13/ with
# the same two. The libraries can be found as libaio.so.1 and libaio.so.1.0.2. debian-11/ has the C library of
# Debian 11, the last one in which threads are a library of their own, and what compiles programs for it. Does nothing when
# they are there.
set -eu

[ "$#${2-}" = 1 ] || [ "$#${2-}" = 2source ] || { echo "usage: $0 DIRECTORY [source]" >&2; exit 2; }
harness=$(realpath "$(dirname "$0")/../harness")
mkdir -p "$1"
cd "$1"
if [ -e complete ] && [ -e debian-13/complete ] && [ -e debian-11/complete ] && { [ $# = 1 ] || [ -d source ]; }; then exit 0; fi

# shellcheck source=checks/harness/apt.sh
. "$harness/apt.sh"
apt=$PWD/apt
trap 'rm -rf "$apt"' EXIT

# unpack PACKAGE...: each into the directory of its architecture
unpack() {
	local package architecture
	for package; do
		architecture=${package##*_}
		dpkg-deb --extract "$package" "${architecture%.deb}"
	done
}

# fail MESSAGE: what apt said, and the message
fail() {
	sort -u "$apt.errors" >&2
	echo "$0: $1" >&2
	exit 1
}

# obtain_source: unpacks it; another suite's where the mirror has none of this one
obtain_source() {
	local suite
	for suite in "$release" bookworm trixie; do
		if [ "$suite" != "$release" ]; then
			sources "$release" "$suite"
			get amd64 update || true
		fi
		rm -f libaio_*
		if get amd64 source --download-only libaio; then
			dpkg-source --extract --no-check libaio_*.dsc source >/dev/null
			return 0
		fi
	done
	return 1
}

release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
if ! [ -e complete ] || { [ $# = 2 ] && ! [ -d source ]; }; then
	rm -rf source amd64 i386 debian-13 "$apt.errors" libaio*
	sources
	# One list of many may fail, and the rest do; what matters is whether the packages come.
	get amd64 update || true
	[ $# = 1 ] || { obtain_source || fail 'cannot download the source of libaio'; exit 0; }
	if get amd64 download libaio1; then
		name=libaio1
	elif get amd64 download libaio1t64; then
		name=libaio1t64
	else
		fail "cannot download libaio1 or libaio1t64 for amd64: check the mirrors in /etc/apt"
	fi
	get amd64 download libaio-dev || fail 'cannot download libaio-dev'
	# Not every mirror has i386; without it its tests are skipped.
	get i386 update || true
	get i386 download $name libaio-dev || echo "$0: cannot download $name for i386, and go on without: $(tail -n 1 "$apt.errors")" >&2
	unpack ${name}_*.deb libaio-dev_*.deb
	if [ $name = libaio1t64 ]; then
		for directory in amd64/usr/lib/x86_64-linux-gnu i386/usr/lib/i386-linux-gnu; do
			[ -e $directory ] || continue
			ln -s libaio.so.1t64 $directory/libaio.so.1
			ln -s libaio.so.1t64.0.2 $directory/libaio.so.1.0.2
		done
		ln -s . debian-13
	fi
	# Without it the original suite is skipped.
	obtain_source || echo "$0: cannot download the source of libaio, and go on without: $(tail -n 1 "$apt.errors")" >&2
	touch complete
fi
# The tests that need the others are skipped without them.
if ! [ -e debian-11/complete ]; then
	rm -rf debian-11
	mkdir debian-11
	cd debian-11
	sources "$release" bullseye
	get amd64 update || true
	if get amd64 download libc6 libc6-dev linux-libc-dev libgcc-s1; then
		unpack ./*.deb
		# So that they do not lead to this machine's.
		find amd64 -lname '/*' -exec sh -c 'for link; do ln -sf -r "amd64$(readlink "$link")" "$link"; done' sh {} +
		touch complete
	else
		echo "$0: cannot download Debian 11's C library, and go on without: $(tail -n 1 "$apt.errors")" >&2
	fi
	cd ..
fi
[ ! -e debian-13/complete ] || exit 0
rm -rf debian-13
mkdir debian-13
cd debian-13
sources "$release" trixie
get amd64 update || true
if get amd64 download libaio1t64 libaio-dev; then
	get i386 update || true
	get i386 download libaio1t64 libaio-dev ||
		echo "$0: cannot download Debian 13's libaio for i386, and go on without: $(tail -n 1 "$apt.errors")" >&2
	unpack libaio1t64_*.deb libaio-dev_*.deb
	touch complete
else
	echo "$0: cannot download Debian 13's libaio, and go on without: $(tail -n 1 "$apt.errors")" >&2
fi
