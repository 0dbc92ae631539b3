#!/usr/bin/env bash
# LIBAIO_SPIN=50 timed against this library without it and against the C library, in turn, in many short rounds: direct
# reads of 4 KiB at random offsets, one at a time, by the unmodified fio of this system (ioengine=libaio) and by a program
# of our own, spinning.c, also on one processor, and where nothing comes; then POSIX AIO and Solaris AIO on this library, with
# and without it. Prints the medians, the median of the rounds' ratios, what is aimed at, and the processor time beside.
#
# usage: spinning.sh BUILD ORIGINAL [DIRECTORY_FOR_THE_FILE]
#
# ORIGINAL is what checks/original/obtain.sh filled. BENCH_ROUNDS (5), BENCH_SECONDS (1, for each run) and BENCH_SIZE (512M)
# change the work; BENCH_ONLY is a pattern, as bash has them, of the rows: 'fio'.
set -eu
export LC_ALL=C

[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$(realpath "$1") original=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/loaded.sh
. "$project/checks/harness/loaded.sh"
# shellcheck source=checks/benches/rounds.sh
. "$here/rounds.sh"
work=$(mktemp -d "${3:-$build}/spinning.XXXXXX")
trap 'rm -rf "$work"' EXIT
rounds=${BENCH_ROUNDS:-5} seconds=${BENCH_SECONDS:-1} size=${BENCH_SIZE:-512M}
for tool in fio jq; do
	command -v $tool >/dev/null || { echo "$0: $tool is missing" >&2; exit 1; }
done
c_library=$original/amd64/usr/lib/x86_64-linux-gnu
[ -e "$c_library/libaio.so.1" ] || { echo "$0: there is no C library in $original" >&2; exit 1; }
unset LIBAIO_SPIN LIBAIO_REAP LIBAIO_ENGINE

fio=$(command -v fio)
compile "$work/libaio" "$here/spinning.c" -L"$build" -laio
compile "$work/posix" -DPOSIX "$here/spinning.c"
compile "$work/solaris" -DSOLARIS "$here/spinning.c" -L"$build" -lsolarisaio -Wl,-rpath-link,"$build"

# What comes before a command in each column.
declare -A before=(
	[c]="env LD_LIBRARY_PATH=$c_library"
	[ours]="env LD_LIBRARY_PATH=$build"
	[spin]="env LD_LIBRARY_PATH=$build LIBAIO_SPIN=50"
	[glibc]="env"
	[posix]="env LD_LIBRARY_PATH=$build LD_PRELOAD=$build/libposixaio.so.1"
	[posix-spin]="env LD_LIBRARY_PATH=$build LD_PRELOAD=$build/libposixaio.so.1 LIBAIO_SPIN=50"
)
for column in c ours; do
	printf '%-5s %s\n' $column "$(realpath "$(LD_LIBRARY_PATH=$([ $column = c ] && echo "$c_library" || echo "$build") would_load "$fio")")"
done
echo
# The file is laid out first, so that every read finds blocks.
fio --name=layout --filename="$work/file" --rw=write --bs=1M --size="$size" --end_fsync=1 --output="$work/layout"

# Each run prints the median and the mean time of a read, and the processor time of one.
run_fio() {
	# shellcheck disable=SC2086 # words
	${before[$1]} "$fio" --name=bench --thread --ioengine=libaio --bs=4k --filename="$work/file" --size="$size" --direct=1 \
		--rw=randread --norandommap --iodepth=1 --time_based --runtime="$seconds" --output-format=json --output="$work/report"
	jq -er '.jobs[0] | if .error != 0 or .read.total_ios == 0 then error("fio failed") else
		"\(.read.clat_ns.percentile["50.000000"] / 1000) \(.read.lat_ns.mean / 1000)" +
		" \((.usr_cpu + .sys_cpu) / 100 * .job_runtime * 1000 / .read.total_ios)" end' "$work/report"
}
# shellcheck disable=SC2086 # words
run_libaio() { ${before[$1]} "$work/libaio" "$work/file" "$seconds"; }
# shellcheck disable=SC2086 # words
run_pinned() { taskset -c 0 ${before[$1]} "$work/libaio" "$work/file" "$seconds"; }
run_vain() { ${before[$1]} "$work/libaio" "$work/file" "$seconds" in-vain; }
run_posix() { ${before[$1]} "$work/posix" "$work/file" "$seconds"; }
run_solaris() { ${before[$1]} "$work/solaris" "$work/file" "$seconds"; }

# compare NAME TITLE TARGET FIRST COLUMN...: the FIRST column beside each of the others
compare() {
	local name=$1 title=$2 target=$3 first=$4 column round what
	shift 3
	# shellcheck disable=SC2053 # the right-hand side is a pattern
	[[ $name == ${BENCH_ONLY:-*} ]] || return 0
	for round in $(seq "$rounds"); do
		for column in $(in_turn "$round" "$@"); do
			"run_$name" "$column" >>"$work/$name.$column"
		done
	done
	shift
	for column; do
		what=1
		for row in "$title $column: median, us" '  mean, us' '  processor time of each, us'; do
			compare_with "$work/$name.$column" $what "$work/$name.$first" $what >"$work/ratios"
			# What is aimed at is the latency that users see.
			line "$row" 2 "$(field "$work/$name.$first" $what | median)" "$(field "$work/$name.$column" $what | median)" \
				"$work/ratios" "$([ $what != 3 ] && case $column in *spin) echo "$target" ;; esac)"
			what=$((what + 1))
		done
	done
}

printf '%-46s %9s %9s %7s %15s   %s\n' "median of $rounds rounds of $seconds s" first this ratio 'all rounds' 'aimed at'
compare fio 'fio, C library and' -0.85 c ours spin
compare libaio 'program, C library and' -0.85 c ours spin
compare pinned 'on one processor, C library and' '' c spin
compare vain '1 ms in vain, C library and' '' c ours spin
compare posix 'POSIX AIO, without and' -1 posix posix-spin glibc
compare solaris 'Solaris AIO, without and' -1 ours spin
