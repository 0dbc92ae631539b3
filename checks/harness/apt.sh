#!/bin/sh
# apt-get with package lists of its own, in the directory $apt: the system's sources, with source packages switched
# on. Nothing is installed, and the system's own lists are not touched. To be sourced. What apt-get says goes to
# $apt.errors.
# shellcheck disable=SC2154 # $apt is the caller's

# sources [OLD NEW]: begins anew, with one release's name replaced
sources() {
	_replace="s/${1:-^\$}/${2-}/g"
	rm -rf "$apt"
	mkdir -p "$apt/sources"
	for _list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -e "$_list" ] || continue
		_name=$(basename "$_list")
		sed -n -E "s/^deb(-src)?[[:space:]]/deb /;$_replace;/^deb /p" "$_list" | sort -u >"$apt/sources/$_name"
		sed -n -E 's/^deb /deb-src /p' "$apt/sources/$_name" >"$apt/sources/source-$_name"
	done
	for _list in /etc/apt/sources.list.d/*.sources; do
		[ -e "$_list" ] || continue
		sed -E "s/^Types:.*/Types: deb deb-src/;$_replace" "$_list" >"$apt/sources/$(basename "$_list")"
	done
}

# get ARCHITECTURE ARGUMENT...: apt-get, in the current directory, for one architecture at a time: one that the
# mirror is just changing does not spoil the other. What is installed here does not matter.
get() {
	_state=$apt/$1 _architecture=$1
	shift
	mkdir -p "$_state/lists/partial" "$_state/cache/archives/partial"
	apt-get -qq -o APT::Architecture="$_architecture" -o APT::Architectures::="$_architecture" \
		-o APT::Sandbox::User=root -o Dir::State::status=/dev/null -o Dir::Etc::SourceList=/dev/null \
		-o Dir::Etc::SourceParts="$apt/sources" -o Dir::State::Lists="$_state/lists" \
		-o Dir::Cache="$_state/cache" "$@" 2>>"$apt.errors"
}

# get_today ARGUMENT...: the same for amd64, with lists that are not older than a day
get_today() {
	if [ -z "$(find "$apt/updated" -mtime -1 2>/dev/null)" ]; then
		rm -f "$apt.errors"
		sources '' ''
		# One list of many may fail, and the rest do; what matters is whether the packages come.
		if get amd64 update; then touch "$apt/updated"; fi
	fi
	get amd64 "$@" || {
		sort -u "$apt.errors" >&2
		echo "$0: cannot download from Debian: check the network and the sources in /etc/apt" >&2
		return 1
	}
}
