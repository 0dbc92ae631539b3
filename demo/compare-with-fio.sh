#!/usr/bin/env bash
# Runs the unmodified fio of this system on the C library and on ours, in turn, and prints both side
# by side. Each run writes a file with random O_DIRECT writes, reads every block back in the same
# order and checks its CRC-32C; any error ends the demo with a failure. That the right library was
# loaded is read from the running process's memory map. Where the kernel refuses AIO only ours can run.
#
# usage: compare-with-fio.sh DIRECTORY_OF_OUR_LIBRARY [DIRECTORY_FOR_THE_FILE]
#
# DEMO_SIZE (256M), DEMO_DEPTH (32) and DEMO_ROUNDS (3) change the work.
set -eu
export LC_ALL=C

ours=$(realpath "$1")
work=$(mktemp -d "${2:-$ours}/demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
size=${DEMO_SIZE:-256M} depth=${DEMO_DEPTH:-32} rounds=${DEMO_ROUNDS:-3}

for tool in fio jq; do
	command -v $tool >/dev/null || { echo "$0: $tool is missing: run ./install-tools.sh demo" >&2; exit 1; }
done

# shellcheck source=checks/harness/loaded.sh
. "$(dirname "$0")/../checks/harness/loaded.sh"
theirs=$(would_load "$(command -v fio)")
if [ -n "$theirs" ] && grep -q LIBAIO_ENGINE "$theirs"; then
	echo "$0: $theirs is this library already: there is no C library to compare with" >&2
	exit 1
fi

# run NAME ROUND LD_LIBRARY_PATH: one fio run; its report goes to NAME.ROUND.json.
run() {
	local report=$work/$1.$2.json map=
	LD_LIBRARY_PATH=$3 fio --name=demo --thread --ioengine=libaio --direct=1 --filename="$work/file" \
		--rw=randwrite --bs=4k --size="$size" --iodepth="$depth" --randrepeat=1 --overwrite=1 \
		--verify=crc32c --do_verify=1 --verify_fatal=1 --verify_state_save=0 --output-format=json --output="$report" &
	local fio=$!
	while [ -z "$map" ] && kill -0 $fio 2>/dev/null; do
		map=$(sed -n 's/.* \(\/.*libaio\.so\..*\)/\1/p' /proc/$fio/maps 2>/dev/null | sort -u) || true
	done
	if ! wait $fio; then
		echo "FAILED: fio on the $1 library (round $2)" >&2
		jq -r '.jobs[0] | "error \(.error)"' "$report" >&2 || true
		exit 1
	fi
	if [ -z "$map" ] || { [ "$1" = ours ] && [ "$map" != "$ours/libaio.so.1.0.2" ]; } ||
		{ [ "$1" = C ] && cmp -s "$map" "$ours/libaio.so.1.0.2"; }; then
		echo "FAILED: fio on the $1 library (round $2) loaded '$map'" >&2
		exit 1
	fi
	echo "$map" >"$work/$1.map"
	# Every block that was written must have been read back.
	jq -e '.jobs[0] | .error == 0 and .write.total_ios > 0 and .read.total_ios == .write.total_ios' \
		"$report" >/dev/null || { echo "FAILED: not every block was verified on the $1 library" >&2; exit 1; }
}

refused=$("$ours/has-aio") || true
if [ -n "$refused" ]; then
	echo "io_setup answers $refused here, so the C library cannot work: only ours runs, by its threads engine"
fi

# The file is laid out first, so that no write extends it: such a write is not asynchronous.
fio --name=layout --filename="$work/file" --rw=write --bs=1M --size="$size" --end_fsync=1 --output="$work/layout"

for round in $(seq "$rounds"); do
	echo "round $round of $rounds: $size in random 4 KiB O_DIRECT writes, depth $depth, each block read back and verified"
	# The order changes, so that neither library always finds the disk as the other left it.
	if [ -n "$refused" ]; then
		run ours "$round" "$ours"
	elif [ $((round % 2)) = 1 ]; then
		run C "$round" ''
		run ours "$round" "$ours"
	else
		run ours "$round" "$ours"
		run C "$round" ''
	fi
done

# median NAME FILTER: the median over the rounds of a number in the report.
median() {
	jq -r ".jobs[0] | $2" "$work/$1".*.json | sort -g | sed -n "$(((rounds + 1) / 2))p"
}
row() {
	local format='%-34s %12s %12s\n'
	local theirs=-
	[ -n "$refused" ] || theirs=$(printf "%.$3f" "$(median C "$2")")
	# shellcheck disable=SC2059 # the format is a constant
	printf "$format" "$1" "$theirs" "$(printf "%.$3f" "$(median ours "$2")")"
}

printf '\nloaded in the C runs:    %s\nloaded in our runs:      %s\n\n' "$(cat "$work/C.map" 2>/dev/null)" "$(cat "$work/ours.map")"
printf '%-34s %12s %12s\n' "median of $rounds rounds" 'C library' 'libaio-rs'
for direction in write read; do
	row "$direction: IOPS" ".$direction.iops" 0
	for percentile in 50 99 99.9; do
		key=$(printf '%.6f' "$percentile")
		row "$direction: p$percentile latency, us" ".$direction.clat_ns.percentile[\"$key\"] / 1000" 1
	done
done
row 'CPU per I/O, us' '(.usr_cpu + .sys_cpu) / 100 * .job_runtime * 1000 / (.read.total_ios + .write.total_ios)' 2
echo
runs=("$work"/*.json)
echo "verified: every block of all ${#runs[@]} runs, 0 errors"
