#!/usr/bin/env bash
# Counts the instructions that one call executes in user space, on each library: with callgrind, because
# many virtual machines have no counters for perf. A system call counts as 1 instruction here, whatever
# the kernel does in it.
#
# usage: instructions.sh
set -eu

cd "$(dirname "$0")"
command -v valgrind >/dev/null || { echo "$0: valgrind is missing" >&2; exit 1; }
cargo build --quiet --release --locked --bin instructions
program=${CARGO_TARGET_DIR:-../target}/release/instructions

# collected LIBRARY ROW FUNCTION TIMES: instructions in FUNCTION and in what it calls.
collected() {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no --toggle-collect="$3*" \
		"$program" "$1" "$2" "$4" 2>&1 | sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

# per_call LIBRARY ROW FUNCTION: the difference of two runs has no warming-up in it.
per_call() {
	local few many
	few=$(collected "$1" "$2" "$3" 1000)
	many=$(collected "$1" "$2" "$3" 2000)
	echo $(((many - few) / 1000))
}

printf '%-40s %9s %9s\n' 'instructions per call' 'C library' libaio-rs
# row FUNCTION ROW
row() {
	printf '%-40s %9s %9s\n' "$2" "$(per_call c "$2" "$1")" "$(per_call ours "$2" "$1")"
}
for ready in 1 8 32 128; do
	row io_getevents "io_getevents $ready ready"
done
row io_getevents 'io_getevents empty ring: zero timeout'
row io_queue_run 'io_queue_run 1 ready'
row io_submit 'io_submit 1 on /dev/null'
row io_cancel 'io_cancel: no such request'
