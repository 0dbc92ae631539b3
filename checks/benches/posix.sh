#!/usr/bin/env bash
# glibc's POSIX AIO and libposixaio.so.1 timed against each other, in turn, in many short rounds: the unmodified fio of
# this system, with its own libaio engine on the C library beside them, and a program of our own, posix-rows.c. Prints
# the medians, the median of the rounds' ratios, and what is aimed at.
#
# usage: posix.sh BUILD [DIRECTORY_FOR_THE_FILES]
#
# BENCH_ROUNDS (5), BENCH_SECONDS (2, for each run) and BENCH_SIZE (1G, of the file of the direct reads) change the
# work; BENCH_ONLY is a pattern, as bash has them, of the rows to run: 'fio*', 'lio_listio of 32'.
#
# Processor time is that of the whole process, from its rusage: what fio itself says leaves glibc's threads out. What
# fio takes to begin, measured with one I/O, is subtracted.
set -eu
export LC_ALL=C

[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/loaded.sh
. "$project/checks/harness/loaded.sh"
# shellcheck source=checks/benches/rounds.sh
. "$here/rounds.sh"
work=$(mktemp -d "${2:-$build}/posix.XXXXXX")
trap 'rm -rf "$work"' EXIT
rounds=${BENCH_ROUNDS:-5} seconds=${BENCH_SECONDS:-2} size=${BENCH_SIZE:-1G}
milliseconds=$(awk "BEGIN { print int($seconds * 1000) }")
library=$build/libposixaio.so.1

for tool in fio jq; do
	command -v $tool >/dev/null || { echo "$0: $tool is missing" >&2; exit 1; }
done
# What comes before a command in each column. The libaio engine runs on the C library's libaio.
# shellcheck disable=SC2034 # used by the column's name
glibc=(env) libaio=(env) ours=(env LD_PRELOAD="$library" LD_LIBRARY_PATH="$build")
fio=$(command -v fio)
theirs=$(would_load "$fio")
if [ -n "$theirs" ] && grep -q LIBAIO_ENGINE "$theirs"; then
	echo "$0: $theirs is this library already: there is no C library to compare with" >&2
	exit 1
fi

compile "$work/rows" "$here/posix-rows.c"
compile "$work/usage" "$here/posix-usage.c"

# The functions that run are those that were meant.
bound() { LD_DEBUG=bindings "$@" 2>&1 >/dev/null | sed -n 's/.* to \([^ ]*\) .*aio_read.*/\1/p' | sort -u; }
dd if=/dev/urandom of="$work/small" bs=1M count=256 conv=fsync status=none
bound_ours=$(bound "${ours[@]}" "$work/rows" suspend-1 "$work/small" 0.01)
bound_glibc=$(bound "${glibc[@]}" "$work/rows" suspend-1 "$work/small" 0.01)
if [ "$bound_ours" != "$library" ] || [ -z "$bound_glibc" ] || [[ $bound_glibc == *posixaio* ]]; then
	echo "$0: aio_read is that of '$bound_glibc' for glibc and that of '$bound_ours' for ours" >&2
	exit 1
fi
printf 'glibc  %s\nours   %s, on %s\nlibaio %s (fio'"'"'s engine)\n\n' "$bound_glibc" "$library" \
	"$(realpath "$build/libaio.so.1")" "$theirs"

# lines TITLE FILE_GLIBC FILE_OURS RATE_TARGET PROCESSOR_TARGET
lines() {
	compare_with "$3" 1 "$2" 1 >"$work/ratios"
	line "$1: per second" 0 "$(field "$2" 1 | median)" "$(field "$3" 1 | median)" "$work/ratios" "$4"
	compare_with "$3" 2 "$2" 2 >"$work/ratios"
	line '  processor time of each, us' 2 "$(field "$2" 2 | median)" "$(field "$3" 2 | median)" "$work/ratios" "$5"
}
wanted() {
	# shellcheck disable=SC2053 # the right-hand side is a pattern
	[[ $1 == ${BENCH_ONLY:-*} ]]
}

# --- fio --------------------------------------------------------------------------------------

# run_fio COLUMN WORDS...: writes microseconds of processor time to usage, and its report to report
run_fio() {
	local -n before=$1
	local engine=posixaio
	[ "$1" != libaio ] || engine=libaio
	shift
	"$work/usage" "$work/usage.out" "${before[@]}" "$fio" --name=bench --thread --ioengine=$engine --bs=4k \
		--filename="$work/file" --size="$size" --direct=1 --rw=randread --norandommap "$@" \
		--output-format=json --output="$work/report"
	jq -e '.jobs[0] | .error == 0 and .read.total_ios > 0' "$work/report" >/dev/null ||
		{ echo "$0: fio failed" >&2; exit 1; }
}
# fio_depth DEPTH RATE_TARGET PROCESSOR_TARGET [TARGET_BESIDE_LIBAIO]
fio_depth() {
	local depth=$1 name="fio depth $1" column round
	wanted "$name" || return 0
	if [ ! -e "$work/file" ]; then
		# The file is laid out first, so that every read finds blocks.
		fio --name=layout --filename="$work/file" --rw=write --bs=1M --size="$size" --end_fsync=1 --output="$work/layout"
	fi
	for round in $(seq "$rounds"); do
		for column in $(in_turn "$round" glibc ours libaio); do
			run_fio "$column" --iodepth="$depth" --number_ios=1 --randseed="$round"
			cat "$work/usage.out" >>"$work/begins.$column"
			run_fio "$column" --iodepth="$depth" --time_based --runtime="${milliseconds}ms" --randseed="$round"
			jq -r --argjson used "$(cat "$work/usage.out")" \
				'.jobs[0] | "\(.read.total_ios / .job_runtime * 1000) \($used) \(.read.total_ios)"' \
				"$work/report" >>"$work/fio-$depth.$column.all"
		done
	done
	for column in glibc ours libaio; do
		awk -v begins="$(median <"$work/begins.$column")" '{ used = $2 - begins; print $1, (used > 0 ? used : 0) / $3 }' \
			"$work/fio-$depth.$column.all" >"$work/fio-$depth.$column"
	done
	lines "$name" "$work/fio-$depth.glibc" "$work/fio-$depth.ours" "$2" "$3"
	compare_with "$work/fio-$depth.ours" 1 "$work/fio-$depth.libaio" 1 >"$work/ratios"
	line "  fio's libaio engine, and ours" 0 "$(field "$work/fio-$depth.libaio" 1 | median)" \
		"$(field "$work/fio-$depth.ours" 1 | median)" "$work/ratios" "${4-}"
	compare_with "$work/fio-$depth.ours" 2 "$work/fio-$depth.libaio" 2 >"$work/ratios"
	line "  the same: processor time of each, us" 2 "$(field "$work/fio-$depth.libaio" 2 | median)" \
		"$(field "$work/fio-$depth.ours" 2 | median)" "$work/ratios" ''
}

# --- our own program --------------------------------------------------------------------------

# row NAME TITLE FILE RATE_TARGET [PROCESSOR_TARGET [SWITCHES_TARGET]]
row() {
	local column round
	wanted "$2" || return 0
	for round in $(seq "$rounds"); do
		for column in $(in_turn "$round" glibc ours); do
			local -n before=$column
			"${before[@]}" "$work/rows" "$1" "$work/$3" "$seconds" >>"$work/$1.$column"
		done
	done
	lines "$2" "$work/$1.glibc" "$work/$1.ours" "$4" "${5-}"
	[ -n "${6-}" ] || return 0
	# Not a ratio is aimed at, but the number itself.
	field "$work/$1.ours" 3 >"$work/ratios"
	line '  context switches of each (ratio: ours)' 2 "$(field "$work/$1.glibc" 3 | median)" \
		"$(field "$work/$1.ours" 3 | median)" "$work/ratios" "$6"
}

printf '%-46s %9s %9s %7s %15s   %s\n' "median of $rounds rounds of $seconds s" glibc ours ratio 'all rounds' 'aimed at'
fio_depth 1 +1.5 -0.5
fio_depth 8 +3.5 -0.35 +0.95
fio_depth 32 +3.5 -0.35 +0.95
[ -e "$work/file" ] || ln -s small "$work/file"
row suspend-1 'aio_read and aio_suspend' file '' '' -1.05
row suspend-32 'aio_suspend, 32 in flight' file ''
row list-32 'lio_listio of 32' file +3.5
row poll-32 'aio_error, 32 in flight' file +4.5
row signal-32 'SIGEV_SIGNAL, 32 in flight' file +2.5
row thread-32 'SIGEV_THREAD, 32 in flight' file ''
row threads-4 '4 threads, one descriptor' file +2.5
row threads-8 '8 threads, one descriptor' file +2.5
row cache-1 'page cache, 1 in flight' small +3
row cache-32 'page cache, 32 in flight' small +1.3
row sequential-4 '4 KiB in order from disk, 32' small +1
row sequential-64 '64 KiB in order from disk, 32' small +1
