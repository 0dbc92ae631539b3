#!/usr/bin/env bash
# Runs the unmodified fio of this system on glibc's POSIX AIO and on ours by LD_PRELOAD, in turn, and prints both side by
# side. Each run writes a file with random O_DIRECT writes, reads every block back in the same order and checks its
# CRC-32C; any error ends the demo with a failure. Whose functions fio called is the dynamic linker's account.
#
# usage: compare-posix-with-fio.sh BUILD [DIRECTORY_FOR_THE_FILE]
#
# DEMO_POSIX_SIZE (32M), DEMO_DEPTH (32) and DEMO_ROUNDS (3) change the work.
set -eu
export LC_ALL=C

build=$(realpath "$1")
project=$(realpath "$(dirname "$0")/..")
library=$build/libposixaio.so.1
work=$(mktemp -d "${2:-$build}/demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
size=${DEMO_POSIX_SIZE:-32M} depth=${DEMO_DEPTH:-32} rounds=${DEMO_ROUNDS:-3}

for tool in fio jq; do
	command -v $tool >/dev/null || { echo "$0: $tool is missing: run ./install-tools.sh demo" >&2; exit 1; }
done
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
compile "$work/usage" "$project/checks/benches/posix-usage.c"

# fio_on NAME REPORT ARGUMENTS...: one fio run; its processor time in microseconds goes to REPORT.used. fio itself says
# only what its own thread used, and leaves glibc's threads out.
fio_on() {
	local report=$2 before=(env)
	[ "$1" = glibc ] || before=(env LD_PRELOAD="$library" LD_LIBRARY_PATH="$build")
	shift 2
	"$work/usage" "$report.used" "${before[@]}" LD_DEBUG=bindings LD_DEBUG_OUTPUT="$report.bound" \
		fio --name=demo --thread --ioengine=posixaio --direct=1 --filename="$work/file" --rw=randwrite --bs=4k \
		--size="$size" --iodepth="$depth" --randrepeat=1 --overwrite=1 --verify=crc32c --verify_fatal=1 \
		--verify_state_save=0 --output-format=json --output="$report" "$@"
}

# run NAME ROUND: a run, and before it one of a single block: what fio takes to begin is subtracted.
run() {
	local report=$work/$1.$2.json bound
	fio_on "$1" "$work/begins" --number_ios=1 --do_verify=0
	if ! fio_on "$1" "$report" --do_verify=1; then
		echo "FAILED: fio on $1 (round $2)" >&2
		jq -r '.jobs[0] | "error \(.error)"' "$report" >&2 || true
		exit 1
	fi
	bound=$(sed -n 's/.* to \([^ ]*\) \[.*: normal symbol `aio_\(read\|write\|error\|suspend\)64.*/\1/p' "$report".bound.* | sort -u)
	rm -f "$work"/*.bound.*
	if [ -z "$bound" ] || { [ "$1" = ours ] && [ "$bound" != "$library" ]; } ||
		{ [ "$1" = glibc ] && [[ $bound == *posixaio* ]]; }; then
		echo "FAILED: fio on $1 (round $2) called the functions of '$bound'" >&2
		exit 1
	fi
	echo "$bound" >"$work/$1.bound"
	# Every block that was written must have been read back.
	jq -e '.jobs[0] | .error == 0 and .write.total_ios > 0 and .read.total_ios == .write.total_ios' \
		"$report" >/dev/null || { echo "FAILED: not every block was verified on $1" >&2; exit 1; }
	jq -r --argjson used "$(($(cat "$report.used") - $(cat "$work/begins.used")))" '.jobs[0] |
		"\(.write.iops) \(.read.iops) \($used / (.read.total_ios + .write.total_ios)) \(.read.total_ios)"' "$report" >>"$work/$1"
}

# The file is laid out first, so that no write extends it: such a write is not asynchronous.
fio --name=layout --filename="$work/file" --rw=write --bs=1M --size="$size" --end_fsync=1 --output="$work/layout"

for round in $(seq "$rounds"); do
	echo "POSIX AIO, round $round of $rounds: $size in random 4 KiB O_DIRECT writes, depth $depth, each block read back and verified"
	# The order changes, so that neither library always finds the disk as the other left it.
	if [ $((round % 2)) = 1 ]; then
		run glibc "$round"
		run ours "$round"
	else
		run ours "$round"
		run glibc "$round"
	fi
done

# median NAME COLUMN: over the rounds
median() { cut -d' ' -f"$2" "$work/$1" | sort -g | sed -n "$(((rounds + 1) / 2))p"; }
row() { printf '%-34s %12s %12s\n' "$1" "$(printf "%.$3f" "$(median glibc "$2")")" "$(printf "%.$3f" "$(median ours "$2")")"; }

printf '\naio_read and others in the glibc runs:  %s\n                    in our runs:        %s\n\n' \
	"$(cat "$work/glibc.bound")" "$(cat "$work/ours.bound")"
printf '%-34s %12s %12s\n' "fio posixaio, median of $rounds rounds" glibc libposixaio
row 'write: IOPS' 1 0
row 'read: IOPS' 2 0
row 'CPU per I/O, us' 3 2
row 'blocks verified, of each run' 4 0
