#!/usr/bin/env bash
# Runs one row of the matrix, one use of one real program, on one library.
#
# usage: row.sh PROGRAM ROW LIBRARY EVIDENCE PACKAGES
#
# LIBRARY is the directory whose libaio the program shall load. The row works in the current
# directory. EVIDENCE receives what shows which file was mapped (`maps`, from the running processes,
# and `ld.*`, the dynamic linker's account), and what the row found: `result`, a few words, and
# `same`, which must be equal on both libraries. PACKAGES is where run.sh unpacked packages that are not
# installed. Exit status: 0, or 77 for a row that cannot run here.
#
# A row uses these functions:
#   drive COMMAND...        runs a program to its end on the library
#   start COMMAND...        starts one and leaves its process id in $started; finish waits for it
#   result TEXT             what the table shows
#   same TEXT               what must be equal on both libraries
#   no_context              no context can be seen: the kernel refuses AIO
#   skip REASON             ends the row: it cannot run here
#   need_root REASON        skips without root
#   loop_device FILE        a loop device for a file in $device, until the row ends
set -eu
export LC_ALL=C

[ $# = 5 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
program=$1 row=$2 library=$3 evidence=$4
here=$(dirname "$(realpath "$0")")
# What starts a process as another user; see as_nobody.
as=()

# The ring that a context of the kernel's has in its process.
ring='/[aio]'

# watch PID: reads the memory maps of the process and its children until a libaio and a context's ring
# were seen, or it ends.
watch() {
	local process children maps line state
	while read -r state <"/proc/$1/stat" && [[ $state != *") Z "* ]]; do
		children=
		{ read -r children <"/proc/$1/task/$1/children"; } 2>/dev/null || true
		for process in "$1" $children; do
			mapfile -t maps 2>/dev/null <"/proc/$process/maps" || continue
			[[ "${maps[*]}" == *libaio.so* ]] || continue
			for line in "${maps[@]}"; do
				[[ $line == *libaio.so* || $line == *"$ring"* ]] && echo "$line"
			done >"$evidence/maps.$process" || true
			[[ "${maps[*]}" != *"$ring"* ]] || return 0
		done
	done
} 2>/dev/null

start() {
	"${as[@]}" env LD_LIBRARY_PATH="$library" LD_DEBUG=files LD_DEBUG_OUTPUT="$evidence/ld" "$@" &
	started=$!
	watch "$started" &
	watcher=$!
}

finish() {
	local status=0
	wait "$started" || status=$?
	wait "$watcher" || true
	return $status
}

drive() {
	start "$@"
	finish || { local status=$?; echo "$1 ended with $status" >&2; return $status; }
}

# as_nobody: what is started from here on has no privileges.
as_nobody() {
	[ "$(id -u)" = 0 ] || return 0
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs)
}

no_context() { touch "$evidence/no-context"; }
result() { echo "$*" >"$evidence/result"; }
same() { echo "$*" >>"$evidence/same"; }
skip() {
	result "$*"
	exit 77
}
need_root() { [ "$(id -u)" = 0 ] || skip "needs root: $*"; }

loops=()
loop_device() {
	device=$(losetup -f --show "$1") || skip 'no loop device can be had'
	loops+=("$device")
}
clean_up() {
	local each
	# A row that failed leaves its daemon.
	for each in $(jobs -p); do kill -9 "$each" 2>/dev/null || true; done
	for each in "${loops[@]}"; do losetup -d "$each"; done
}
trap clean_up EXIT

# shellcheck source=/dev/null # one of rows/*.sh
. "$here/rows/$program.sh"
# Where the files of the package are that is not installed.
# shellcheck disable=SC2034 # used by rows
files=$5/${unpacked-}
"row_$row"
