#!/usr/bin/env bash
# fio's engine solarisaio on libsolarisaio.so.1 timed against the engines libaio and posixaio of the same fio, on the C libraries,
# in turn, in many short rounds. fio is Debian's source package, built for this (checks/applications/build-solaris-fio.sh). Prints
# the medians, the median of the rounds' ratios, and what is aimed at.
#
# usage: solaris.sh BUILD ORIGINAL [DIRECTORY_FOR_THE_FILES]
#
# ORIGINAL is what checks/original/obtain.sh filled. BENCH_ROUNDS (5), BENCH_SECONDS (2, for each run) and BENCH_SIZE (1G, of the
# file) change the work; BENCH_ONLY is a pattern, as bash has them, of the rows: 'direct 32'.
#
# Processor time is that of the whole process, from its rusage; what fio takes to begin, measured with one I/O, is subtracted.
# The engine solarisaio asks at once, again and again, until a request has ended: while the disk is slower than the processor,
# its processor time is fio's own choice.
set -eu
export LC_ALL=C

[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$(realpath "$1") original=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/benches/rounds.sh
. "$here/rounds.sh"
work=$(mktemp -d "${3:-$build}/solaris.XXXXXX")
trap 'rm -rf "$work"' EXIT
rounds=${BENCH_ROUNDS:-5} seconds=${BENCH_SECONDS:-2} size=${BENCH_SIZE:-1G}
milliseconds=$(awk "BEGIN { print int($seconds * 1000) }")
command -v jq >/dev/null || { echo "$0: jq is missing" >&2; exit 1; }
fio=$("$project/checks/applications/build-solaris-fio.sh" "$build")
compile "$work/usage" "$here/posix-usage.c"

# The C library's libaio, and beside it our library, which this fio needs and does not use then.
mkdir "$work/c"
ln -s "$build/libsolarisaio.so.1" "$work/c"
c_library=$original/amd64/usr/lib/x86_64-linux-gnu
[ -e "$c_library/libaio.so.1" ] || { echo "$0: there is no C library in $original" >&2; exit 1; }
libraries_of() {
	case $1 in
	solarisaio) echo "$build" ;;
	*) echo "$c_library:$work/c" ;;
	esac
}
for column in solarisaio libaio; do
	printf '%-11s %s\n' $column "$(LD_LIBRARY_PATH=$(libraries_of $column) ldd "$fio" |
		sed -n 's/.*lib\(solaris\)*aio[^ ]* => \([^ ]*\).*/\2/p' | xargs realpath | xargs)"
done
echo

# run_fio COLUMN WORDS...: writes microseconds of processor time to usage.out, and its report to report
run_fio() {
	local column=$1
	shift
	"$work/usage" "$work/usage.out" env LD_LIBRARY_PATH="$(libraries_of "$column")" "$fio" --name=bench --thread --ioengine="$column" \
		--bs=4k --filename="$work/file" --size="$size" --rw=randread --norandommap "$@" --output-format=json --output="$work/report"
	jq -e '.jobs[0] | .error == 0 and .read.total_ios > 0' "$work/report" >/dev/null || { echo "$0: fio failed" >&2; exit 1; }
}

# depth KIND DEPTH TARGET_BESIDE_LIBAIO TARGET_BESIDE_POSIXAIO
depth() {
	local name="$1 $2" options=(--iodepth="$2") column round other
	# shellcheck disable=SC2053 # the right-hand side is a pattern
	[[ $name == ${BENCH_ONLY:-*} ]] || return 0
	if [ "$1" = direct ]; then options+=(--direct=1); else options+=(--invalidate=0); fi
	for round in $(seq "$rounds"); do
		for column in $(in_turn "$round" solarisaio libaio posixaio); do
			run_fio "$column" "${options[@]}" --number_ios=1 --randseed="$round"
			cat "$work/usage.out" >>"$work/begins.$column"
			run_fio "$column" "${options[@]}" --time_based --runtime="${milliseconds}ms" --randseed="$round"
			jq -r --argjson used "$(cat "$work/usage.out")" \
				'.jobs[0] | "\(.read.total_ios / .job_runtime * 1000) \($used) \(.read.total_ios)"' "$work/report" >>"$work/$name.$column.all"
		done
	done
	for column in solarisaio libaio posixaio; do
		awk -v begins="$(median <"$work/begins.$column")" '{ used = $2 - begins; print $1, (used > 0 ? used : 0) / $3 }' \
			"$work/$name.$column.all" >"$work/$name.$column"
	done
	for other in libaio posixaio; do
		compare_with "$work/$name.solarisaio" 1 "$work/$name.$other" 1 >"$work/ratios"
		line "$name, $other and ours: per second" 0 "$(field "$work/$name.$other" 1 | median)" "$(field "$work/$name.solarisaio" 1 | median)" \
			"$work/ratios" "$([ $other = libaio ] && echo "$3" || echo "$4")"
		compare_with "$work/$name.solarisaio" 2 "$work/$name.$other" 2 >"$work/ratios"
		line '  processor time of each, us' 2 "$(field "$work/$name.$other" 2 | median)" "$(field "$work/$name.solarisaio" 2 | median)" \
			"$work/ratios" ''
	done
}

# The file is laid out first, so that every read finds blocks, and is not in the cache.
LD_LIBRARY_PATH=$build "$fio" --name=layout --filename="$work/file" --rw=write --bs=1M --size="$size" --end_fsync=1 --output="$work/layout"
printf '%-46s %9s %9s %7s %15s   %s\n' "median of $rounds rounds of $seconds s" other ours ratio 'all rounds' 'aimed at'
depth direct 1 +0.95 ''
depth direct 8 +0.95 +1.5
depth direct 32 +0.95 +1.5
# From the cache.
cat "$work/file" >/dev/null
depth buffered 1 '' ''
depth buffered 32 '' +1
