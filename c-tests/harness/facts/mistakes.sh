#!/usr/bin/env bash
# Shows that a suite of facts notices mistakes: each line of its table makes one in the library's source, and names the facts that
# must then fail. To be sourced, with the names of mistakes as arguments, or none for all, and with set: $project; $here, the
# folder of the table `mistakes`; $suite; $interface, posix or solaris; and $preload, not empty where programs do not link with
# it. The caller defines compile_facts PROGRAM BUILD.
#
# Four columns, separated by tabs: name; a part of the title of the facts that notice; file in interfaces/src, or one of src; edit
# for sed -E.
# shellcheck disable=SC2154 # the caller's
build=$(realpath "${BUILD:-$project/build}")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck source=c-tests/harness/facts/build.sh
. "$project/c-tests/harness/facts/build.sh"
# shellcheck disable=SC2034 # for the functions
skips=$build/skipped
# Kept for the next time: a build takes seconds when only one crate has changed.
work=$build/$interface-mistakes library=$build/$interface-mistakes/build/lib${interface}aio.so.1.0.0
mkdir -p "$work"
files=$(mktemp -d -p "$build" mistakes-XXXXXX)
trap 'rm -rf "$files"' EXIT
names=" $* "

# The sources that the library is made of. The lock wants the manifests of all the workspace.
rm -rf "$work/src" "$work/interfaces"
(cd "$project" && cp -r --parents src interfaces include abi make Makefile Cargo.toml Cargo.lock install-tools.sh checks/*.sh checks/harness "$work")

# build_library: its messages are in $work/log
build_library() {
	(cd "$work" && ${MAKE:-make} --no-print-directory BUILD=build INTERFACES="$interface" all) >"$work/log" 2>&1 </dev/null
}

# notices TITLE: runs facts on the library there; what they say is in $work/out
notices() {
	local status=0
	env -u POSIXAIO_ENGINE -u POSIXAIO_THREADS -u SOLARISAIO_ENGINE -u SOLARISAIO_THREADS -u LIBAIO_ENGINE -u LIBAIO_REAP -u LIBAIO_SPIN \
		TMPDIR="$files" LD_LIBRARY_PATH="$work/build" ${preload:+LD_PRELOAD="$library"} timeout 120 "$work/conformance" -s 16 \
		-l "$library" "$1" >"$work/out" 2>&1 </dev/null || status=$?
	rm -rf "${files:?}"/*
	return "$status"
}

build_library || { cat "$work/log" >&2; exit 1; }
compile_facts "$work/conformance" "$work/build"

# Without a mistake all of them must hold.
while IFS=$'\t' read -r name fact _; do
	case $name in '' | '#'*) continue ;; esac
	case $names in "  " | *" $name "*) ;; *) continue ;; esac
	echo "$fact"
done <"$here/mistakes" | sort -u >"$work/facts"
declare -A cannot=()
while read -r fact; do
	if ! notices "$fact"; then
		if grep -q '^all: 0 facts' "$work/out" && grep -q '^skip ' "$work/out"; then
			cannot[$fact]=$(sed -n 's/^skip //p' "$work/out" | head -n 1)
			continue
		fi
		failed=$((failed + 1))
		echo "without a mistake, '$fact' does not hold, or there is none"
		cat "$work/out"
	fi
done <"$work/facts"
if [ "$failed" != 0 ]; then
	totals "$suite, mistakes noticed"
	exit 1
fi

while IFS=$'\t' read -r name fact file edit; do
	case $name in '' | '#'*) continue ;; esac
	case $names in "  " | *" $name "*) ;; *) continue ;; esac
	if [ -n "${cannot[$fact]-}" ]; then
		skip "mistake '$name'" "${cannot[$fact]}"
		continue
	fi
	case $file in src/*) ;; *) file=interfaces/src/$file ;; esac
	source=$project/$file mistaken=$work/$file status=0
	sed -E "$edit" "$source" >"$mistaken"
	if cmp -s "$source" "$mistaken"; then
		why='the edit changes nothing'
	elif ! build_library; then
		why="does not compile: $(grep -m 1 -A 4 '^error' "$work/log" | tr '\n' ' ')"
	else
		notices "$fact" || status=$?
		why=''
		if [ "$status" != 1 ] || ! grep -q '^FAIL' "$work/out"; then why="'$fact' does not notice (status $status)"; fi
	fi
	if [ -z "$why" ]; then
		passed=$((passed + 1))
		[ -z "${V-}" ] || echo "$name: $(grep -m 1 '^FAIL' "$work/out")"
	else
		failed=$((failed + 1))
		echo "not noticed: $name: $why"
	fi
	cp "$source" "$mistaken"
done <"$here/mistakes"
totals "$suite, mistakes noticed"
