#!/usr/bin/env bash
# Runs one row of posix.sh, one use of one real program, in one column.
#
# usage: posix-row.sh PROGRAM ROW LIBRARY EVIDENCE
#
# LIBRARY is the libposixaio.so.1 that the program shall be given by LD_PRELOAD, or empty for glibc's functions. The row
# works in the current directory. EVIDENCE receives what shows which functions were called (`ld.*`, the dynamic linker's
# account, and `maps.*`, from the running processes), and what the row found: `result`, a few words, and `same`, which
# must be equal in all columns. Exit status: 0, or 77 for a row that cannot run here.
#
# A row uses these functions:
#   drive COMMAND...        runs a program to its end on the library
#   $on_library             an array: the words before a command that has to be started by another, as by mpirun;
#   drive_other COMMAND...  runs that other one
#   kernel_aio              the requests of this row are the kernel's, so that its ring must be seen
#   result TEXT             what the table shows
#   same TEXT               what must be equal in all columns
#   skip REASON             ends the row: it cannot run here
set -eu
export LC_ALL=C

[ $# = 4 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
program=$1 row=$2 library=$3 evidence=$4
here=$(dirname "$(realpath "$0")")
# The ring that a context of the kernel's has in its process.
ring='/[aio]'

on_library=(env LD_DEBUG="files bindings" LD_DEBUG_OUTPUT="$evidence/ld")
[ -z "$library" ] || on_library+=(LD_PRELOAD="$library" LD_LIBRARY_PATH="${library%/*}")

# family PID: the process and all that come from it
family() {
	local child children=
	echo "$1"
	{ read -r children <"/proc/$1/task/$1/children"; } 2>/dev/null || true
	for child in $children; do family "$child"; done
}

# watch PID: reads the memory maps of the process and of all that come from it, until a context's ring was seen in the
# library's company, or it ends.
watch() {
	local process maps line state
	while read -r state <"/proc/$1/stat" && [[ $state != *") Z "* ]]; do
		for process in $(family "$1"); do
			mapfile -t maps 2>/dev/null <"/proc/$process/maps" || continue
			[[ "${maps[*]}" == *libposixaio* ]] || continue
			for line in "${maps[@]}"; do
				[[ $line == *libposixaio* || $line == *libaio.so* || $line == *"$ring"* ]] && echo "$line"
			done >"$evidence/maps.$process" || true
			[[ "${maps[*]}" != *"$ring"* ]] || return 0
		done
		sleep 0.02
	done
} 2>/dev/null

drive_other() {
	local status=0 started watcher
	"$@" &
	started=$!
	watch "$started" &
	watcher=$!
	wait "$started" || status=$?
	wait "$watcher" || true
	[ $status = 0 ] || echo "$1 ended with $status" >&2
	return $status
}
drive() { drive_other "${on_library[@]}" "$@"; }

kernel_aio() { touch "$evidence/kernel-aio"; }
result() { echo "$*" >"$evidence/result"; }
same() { echo "$*" >>"$evidence/same"; }
skip() {
	result "$*"
	exit 77
}

clean_up() {
	local each
	for each in $(jobs -p); do kill -9 "$each" 2>/dev/null || true; done
}
trap clean_up EXIT

# Where sources of the rows' own are.
# shellcheck disable=SC2034 # used by rows
sources=$here/posix-rows
# shellcheck source=/dev/null # one of posix-rows/*.sh
. "$here/posix-rows/$program.sh"
"row_$row"
