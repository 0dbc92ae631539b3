#!/usr/bin/env bash
# Runs the unmodified fio of this system on the C library and on ours, in turn, in many short rounds:
# 4 KiB random reads with O_DIRECT at several depths, and reads and writes that cost the kernel almost
# nothing. Prints IOPS and processor time per I/O: the medians, and the median of the rounds' ratios.
#
# usage: fio.sh DIRECTORY_OF_OUR_LIBRARY [DIRECTORY_FOR_THE_FILE]
#
# BENCH_ROUNDS (5), BENCH_SECONDS (3, for each run) and BENCH_SIZE (512M) change the work; BENCH_ONLY is a
# pattern, as bash has them, of the cases to run.
set -eu

ours=$(realpath "$1")
work=$(mktemp -d "${2:-$ours}/fio.XXXXXX")
trap 'rm -rf "$work"' EXIT
rounds=${BENCH_ROUNDS:-5} seconds=${BENCH_SECONDS:-3} size=${BENCH_SIZE:-512M}

for tool in fio jq; do
	command -v $tool >/dev/null || { echo "$0: $tool is missing" >&2; exit 1; }
done

# shellcheck source=checks/harness/loaded.sh
. "$(dirname "$0")/../harness/loaded.sh"
both_are_loaded "$(command -v fio)" "$ours"

# run CASE LIBRARY ROUND LD_LIBRARY_PATH FIO_ARGUMENTS...: appends IOPS and microseconds per I/O to
# CASE.LIBRARY.
run() {
	local results=$work/$1.$2 report=$work/report.json path=$4
	shift 4
	LD_LIBRARY_PATH=$path fio --name=bench --thread --ioengine=libaio --bs=4k --time_based --runtime="$seconds" \
		--randrepeat=1 --norandommap "$@" --output-format=json --output="$report"
	jq -er '.jobs[0] | (.read.total_ios + .write.total_ios) as $ios | if .error != 0 or $ios == 0 then error("fio failed") else
		"\($ios / .job_runtime * 1000) \((.usr_cpu + .sys_cpu) / 100 * .job_runtime * 1000 / $ios)" end' "$report" >>"$results"
}

# median: of the numbers on standard input, one per line.
median() {
	LC_ALL=C sort -g | awk '{ value[NR] = $1 } END { print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}

# ratios CASE COLUMN A B: of each round, A's number divided by B's.
ratios() {
	paste -d ' ' "$work/$1.$3" "$work/$1.$4" | awk -v column="$2" '{ print $column / $(column + 2) }'
}

# compare NAME FIO_ARGUMENTS...: all rounds of a case, and its line of the table.
compare() {
	local name=$1 case=${1//[^a-z0-9]/-}
	shift
	# shellcheck disable=SC2053 # the right-hand side is a pattern
	[[ $name == ${BENCH_ONLY:-*} ]] || return 0
	for round in $(seq "$rounds"); do
		# The order changes, so that neither library always finds the machine as the other left it.
		if [ $((round % 2)) = 1 ]; then
			run "$case" c "$round" '' "$@"
			run "$case" ours "$round" "$ours" "$@"
		else
			run "$case" ours "$round" "$ours" "$@"
			run "$case" c "$round" '' "$@"
		fi
	done
	# Both ratios are above 1 where ours is better.
	printf '%-28s %9.0f %9.0f %6.3f %15s   %8.3f %8.3f %6.3f %15s\n' "$name" \
		"$(cut -d' ' -f1 "$work/$case.c" | median)" "$(cut -d' ' -f1 "$work/$case.ours" | median)" \
		"$(ratios "$case" 1 ours c | median)" "$(ratios "$case" 1 ours c | range)" \
		"$(cut -d' ' -f2 "$work/$case.c" | median)" "$(cut -d' ' -f2 "$work/$case.ours" | median)" \
		"$(ratios "$case" 2 c ours | median)" "$(ratios "$case" 2 c ours | range)"
}

# range: smallest and largest number on standard input.
range() {
	LC_ALL=C sort -g | awk 'NR == 1 { first = $1 } { last = $1 } END { printf "%.3f - %.3f", first, last }'
}

# The file is laid out first, so that every read finds blocks.
fio --name=layout --filename="$work/file" --rw=write --bs=1M --size="$size" --end_fsync=1 --output="$work/layout"

printf '%-28s %9s %9s %6s %15s   %8s %8s %6s %15s\n' "$rounds rounds of $seconds s" \
	'IOPS: C' ours ours/C 'all rounds' 'us/IO: C' ours C/ours 'all rounds'
for depth in 1 4 32 128; do
	compare "randread 4k depth $depth" --filename="$work/file" --size="$size" --direct=1 --rw=randread --iodepth=$depth
done
for depth in 1 4 32 128; do
	compare "/dev/null write depth $depth" --filename=/dev/null --size=1G --rw=write --iodepth=$depth
done
for depth in 1 32; do
	compare "/dev/zero read depth $depth" --filename=/dev/zero --size=1G --rw=read --iodepth=$depth
done
