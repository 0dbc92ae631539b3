#!/usr/bin/env bash
# Runs the conformance suite on the C library (the referee) and on ours, 64-bit and 32-bit, and prints
# a table: for each section of the specification how many checks hold.
#
# usage: run.sh ORIGINAL [ENGINE...]
#
# ORIGINAL is what obtain-original.sh made. For each ENGINE there is one more run, with LIBAIO_ENGINE
# set to it. The environment says BUILD: the Makefile's build directory. O_DIRECT is tried there.
set -eu

[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
build=$(realpath "${BUILD:-$here/../../build}")
original=$(realpath "$1")
shift
work=$(mktemp -d -p "$build" conformance-XXXXXX)
trap 'rm -rf "$work"' EXIT
status=0
columns=()

# compile NAME LIBRARY [OPTION...]
compile() {
	local to=$1 library=$2
	shift 2
	(cd "$here" && "${CC:-gcc}" -O2 -Wall -Wextra -Werror -D_FILE_OFFSET_BITS=64 "$@" -I../../include \
		./*.c -o "$work/$to" -L"$library" -laio -pthread)
}

# run COLUMN PROGRAM LIBRARY [VARIABLE=VALUE or OPTION...]
run() {
	local column=$1 program=$2 library=$3 settings=() options=() word
	shift 3
	for word in "$@"; do
		case $word in -*) options+=("$word") ;; *) settings+=("$word") ;; esac
	done
	columns+=("$column")
	(cd "$here" && env -u LIBAIO_REAP -u LIBAIO_ENGINE "${settings[@]}" TMPDIR="$work" \
		LD_LIBRARY_PATH="$library" "$work/$program" "${options[@]}" -t "$work/totals.$column") \
		>"$work/out" 2>&1 || status=1
	# A line for each check that tells something, and none that only counts.
	grep -v -e '^section' -e '^all:' "$work/out" | sed "s/^/$column: /" || true
	sed -n "s/^skip /conformance, $column: /p" "$work/out" >>"$build/skipped"
	if ! [ -s "$work/totals.$column" ]; then
		echo "$column: did not come to its end"
		status=1
	fi
}

referee=$original/amd64/usr/lib/x86_64-linux-gnu
[ -e "$referee/libaio.so.1" ] || { echo "$0: there is no $referee/libaio.so.1" >&2; exit 2; }
compile 64 "$build"
run referee 64 "$referee" -r
run ring 64 "$build"
run syscall 64 "$build" LIBAIO_REAP=syscall
for engine in "$@"; do
	run "$engine" 64 "$build" LIBAIO_ENGINE="$engine"
done
if [ -e "$build/i686/libaio.so" ]; then
	compile 32 "$build/i686" -m32
	run referee-i686 32 "$original/i386/usr/lib/i386-linux-gnu" -r
	run ring-i686 32 "$build/i686"
	for engine in "$@"; do
		run "$engine-i686" 32 "$build/i686" LIBAIO_ENGINE="$engine"
	done
fi

# Sections down, libraries across: checks that hold, of all.
for column in "${columns[@]}"; do
	if [ -e "$work/totals.$column" ]; then sed "s/^/$column /" "$work/totals.$column"; fi
done >"$work/totals"
awk -v columns="${columns[*]}" '
	{ cell[$2, $1] = $3 - $4 - $5 "/" $3; all[$1] += $3; hold[$1] += $3 - $4 - $5
	  failed[$1] += $4; differ[$1] += $5; skipped[$1] += $6; seen[$2] = 1 }
	function line(first, values,    i) {
		printf "%-26s", first
		for (i = 1; i <= n; i++) printf " %13s", (name[i] in values) ? values[name[i]] : 0
		print ""
	}
	END {
		n = split(columns, name, " ")
		printf "%-26s", "section"
		for (i = 1; i <= n; i++) printf " %13s", name[i]
		print ""
		sections = split("0 1.1 1.2 1.3 1.4 1.5 2 3 4.1 4.2 4.3 4.4 4.5 4.6 8", section, " ")
		for (i = 1; i <= sections; i++) {
			delete row
			for (j = 1; j <= n; j++) row[name[j]] = cell[section[i], name[j]]
			line(section[i], row)
			delete seen[section[i]]
		}
		for (unknown in seen) { print "section " unknown " is missing here"; exit 1 }
		for (j = 1; j <= n; j++) row[name[j]] = hold[name[j]] "/" all[name[j]]
		line("all", row)
		line("failed", failed)
		line("may differ, and do", differ)
		line("skipped", skipped)
	}' "$work/totals" || status=1
exit "$status"
