#!/usr/bin/env bash
# How long io_submit takes where it may wait for a disk: the unmodified fio of this system on the C library, and on ours
# with LIBAIO_SUBMIT=async, in turn, in several rounds. Prints what fio calls the submission latency, the slowest one in
# two and in 1,000, in microseconds: medians of the rounds; and the median of the rounds' ratios (C library / ours, above
# 1 where ours is better). Then IOPS of direct reads, which no library makes wait: ours on the kernel's AIO, and with
# the variable.
#
# usage: submitting.sh DIRECTORY_OF_OUR_LIBRARY [DIRECTORY_FOR_THE_FILE]
#
# BENCH_ROUNDS (5), BENCH_SIZE (512M, of the file that is read), BENCH_IOS (20000, reads and writes of each run) and
# BENCH_SECONDS (3, of each run of direct reads) change the work; BENCH_ONLY is a pattern, as bash has them, of the rows.
set -eu
export LC_ALL=C

[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
ours=$(realpath "$1")
work=$(mktemp -d "${2:-$ours}/submitting.XXXXXX")
trap 'rm -rf "$work"' EXIT
rounds=${BENCH_ROUNDS:-5} size=${BENCH_SIZE:-512M} ios=${BENCH_IOS:-20000} seconds=${BENCH_SECONDS:-3}

for tool in fio jq; do
	command -v $tool >/dev/null || { echo "$0: $tool is missing" >&2; exit 1; }
done

# shellcheck source=checks/harness/loaded.sh
. "$(dirname "$0")/../harness/loaded.sh"
# shellcheck source=checks/benches/rounds.sh
. "$(dirname "$0")/rounds.sh"
both_are_loaded "$(command -v fio)" "$ours"

# run CASE SIDE FIO_ARGUMENTS...: appends what it measures to CASE.SIDE: microseconds of half of all submissions, of
# 999 in 1,000, and of all; IOPS
run() {
	local results=$work/$1.$2 report=$work/report.json side=$2 environment=()
	shift 2
	case $side in
	ours) environment=(LD_LIBRARY_PATH="$ours" LIBAIO_SUBMIT=async) ;;
	kernel) environment=(LD_LIBRARY_PATH="$ours") ;;
	esac
	rm -f "$work/new"
	env -u LIBAIO_ENGINE -u LIBAIO_SUBMIT "${environment[@]}" fio --name=bench --thread --ioengine=libaio --bs=4k \
		--randrepeat=1 --slat_percentiles=1 --clat_percentiles=0 --percentile_list=50:99.9 "$@" \
		--output-format=json --output="$report"
	jq -er '.jobs[0] | (if .read.total_ios > 0 then .read else .write end) as $way |
		if .error != 0 or $way.total_ios == 0 then error("fio failed") else $way.slat_ns as $slat |
		"\($slat.percentile["50.000000"] / 1000) \($slat.percentile["99.900000"] / 1000) \($slat.max / 1000) \($way.iops)" end' \
		"$report" >>"$results"
}

# column CASE SIDE NUMBER: its median
column() {
	field "$work/$1.$2" "$3" | median
}

# ratio CASE SIDE OTHER NUMBER: of each round, one side's number divided by the other's; the median
ratio() {
	compare_with "$work/$1.$2" "$4" "$work/$1.$3" | median
}

# all_rounds CASE SIDE SIDE FIO_ARGUMENTS...
all_rounds() {
	local case=$1 sides=("$2" "$3") round side
	shift 3
	for round in $(seq "$rounds"); do
		for side in $(in_turn "$round" "${sides[@]}"); do
			run "$case" "$side" "$@"
		done
	done
}

# compare NAME FIO_ARGUMENTS...: a line of the table
compare() {
	local name=$1 case=${1//[^a-z0-9]/-}
	shift
	# shellcheck disable=SC2053 # the right-hand side is a pattern
	[[ $name == ${BENCH_ONLY:-*} ]] || return 0
	all_rounds "$case" c ours "$@"
	printf '%-34s %8.1f %8.1f   %8.1f %8.1f %6.1f   %9.0f %9.0f\n' "$name" \
		"$(column "$case" c 1)" "$(column "$case" ours 1)" \
		"$(column "$case" c 2)" "$(column "$case" ours 2)" "$(ratio "$case" c ours 2)" \
		"$(column "$case" c 4)" "$(column "$case" ours 4)"
}

# The file is laid out first, so that every read finds blocks.
fio --name=layout --filename="$work/file" --rw=write --bs=1M --size="$size" --end_fsync=1 --output="$work/layout"

printf '%-34s %8s %8s   %8s %8s %6s   %9s %9s\n' "$rounds rounds, us in io_submit" \
	'half: C' async '99.9%: C' async 'C/async' 'IOPS: C' async
# What is read once is not read again, and fio empties the cache before.
for depth in 1 32; do
	compare "cold buffered randread, depth $depth" --filename="$work/file" --size="$size" --rw=randread --iodepth=$depth \
		--number_ios="$ios"
done
for depth in 1 32; do
	compare "extending direct write, depth $depth" --filename="$work/new" --size=$((ios * 4))k --direct=1 --rw=write \
		--fallocate=none --iodepth=$depth
	compare "extending buffered write, depth $depth" --filename="$work/new" --size=$((ios * 4))k --rw=write \
		--fallocate=none --iodepth=$depth
	compare "the same with fdatasync, depth $depth" --filename="$work/new" --size=$((ios * 4))k --rw=write \
		--fallocate=none --iodepth=$depth --fdatasync=32
done

printf '\n%-34s %9s %9s %6s   %9s\n' '' 'IOPS: kernel' async ratio 'us, 99.9%'
# shellcheck disable=SC2053 # the right-hand side is a pattern
for depth in 1 32; do
	[[ "direct randread, depth $depth" == ${BENCH_ONLY:-*} ]] || continue
	all_rounds "direct-$depth" kernel ours --filename="$work/file" --size="$size" --direct=1 --rw=randread --norandommap \
		--iodepth=$depth --time_based --runtime="$seconds"
	printf '%-34s %12.0f %9.0f %6.2f   %.1f and %.1f\n' "direct randread, depth $depth" "$(column "direct-$depth" kernel 4)" \
		"$(column "direct-$depth" ours 4)" "$(ratio "direct-$depth" ours kernel 4)" "$(column "direct-$depth" kernel 2)" \
		"$(column "direct-$depth" ours 2)"
done
