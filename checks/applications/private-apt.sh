#!/usr/bin/env bash
# apt-get for amd64 with package lists of its own: the system's sources, with source packages switched on.
# Nothing is installed, and the system's own lists are not touched. It downloads into the current directory.
#
# usage: private-apt.sh DIRECTORY ARGUMENT...
#
# DIRECTORY keeps the lists. They are fetched when they are not there, or are older than a day.
set -eu

[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/sources"
apt=$(realpath "$1")
shift

get() {
	apt-get -qq -o APT::Architecture=amd64 -o APT::Architectures::=amd64 \
		-o APT::Sandbox::User=root -o Dir::Etc::SourceList=/dev/null \
		-o Dir::Etc::SourceParts="$apt/sources" -o Dir::State::Lists="$apt/lists" \
		-o Dir::Cache="$apt/cache" "$@"
}

if [ -z "$(find "$apt/updated" -mtime -1 2>/dev/null)" ]; then
	for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -e "$list" ] || continue
		sed -n -E 's/^deb(-src)?[[:space:]]/deb /p' "$list" | sort -u >"$apt/sources/$(basename "$list")"
		sed -n -E 's/^deb /deb-src /p' "$apt/sources/$(basename "$list")" >"$apt/sources/source-$(basename "$list")"
	done
	for list in /etc/apt/sources.list.d/*.sources; do
		[ -e "$list" ] || continue
		sed -E 's/^Types:.*/Types: deb deb-src/' "$list" >"$apt/sources/$(basename "$list")"
	done
	# One list of many may fail, and the rest do; what matters is whether the packages come.
	if get update 2>"$apt/update-errors"; then touch "$apt/updated"; fi
fi
get "$@" || {
	cat "$apt/update-errors" >&2
	echo "$0: cannot download from Debian: check the network and /etc/apt/sources.list" >&2
	exit 1
}
