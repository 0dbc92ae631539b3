#!/usr/bin/env bash
# The threads engine timed against the kernel's AIO, in turn, in many short rounds. Prints the medians of each
# and the median of the rounds' ratios (above 1: threads are faster). Then what a context of the kernel's costs before
# and after another one went over to threads (LIBAIO_ENGINE=auto,spill).
#
# usage: engines.sh DIRECTORY_OF_OUR_LIBRARY [DIRECTORY_FOR_THE_FILE]
#
# BENCH_ROUNDS (15) is the number of rounds.
set -eu

library=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
work=$(mktemp -d "${2:-$library}/engines.XXXXXX")
trap 'rm -rf "$work"' EXIT
rounds=${BENCH_ROUNDS:-15}

compile "$work/engines" "$here/engines.c" -L"$library" -laio
dd if=/dev/urandom of="$work/file" bs=1M count=256 conv=fsync status=none
for round in $(seq "$rounds"); do
	# The order changes, so that neither engine always finds the machine as the other left it.
	order='kernel threads'
	[ $((round % 2)) = 0 ] || order='threads kernel'
	for engine in $order; do
		LIBAIO_ENGINE=$engine LD_LIBRARY_PATH=$library "$work/engines" "$work/file" >"$work/out"
		while read -r row value; do echo "$value" >>"$work/$row.$engine"; done <"$work/out"
	done
	LIBAIO_ENGINE=auto,spill LD_LIBRARY_PATH=$library "$work/engines" >"$work/out"
	while read -r column value; do echo "$value" >>"$work/spill.$column"; done <"$work/out"
done

median() {
	LC_ALL=C sort -g | awk '{ value[NR] = $1 } END { print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}
# row FILE TITLE UNIT MORE_IS_BETTER [COLUMN COLUMN]
row() {
	local over=1 under=2 first=$work/$1.${5-kernel} second=$work/$1.${6-threads}
	[ "$4" = 0 ] || over=2 under=1
	printf '%-42s %9.1f %9.1f %-5s %6.2f\n' "$2" "$(median <"$first")" "$(median <"$second")" "$3" \
		"$(paste -d ' ' "$first" "$second" | awk -v over=$over -v under=$under '{ print $over / $under }' | median)"
}
printf '%-42s %9s %9s %-5s %6s\n' "median of $rounds rounds" kernel threads '' ratio
row null 'submit 1 and reap 1 on /dev/null' ns 0
row direct-1 'O_DIRECT 4 KiB random read, 1 in flight' us 0
row direct-32 'the same, 32 in flight' IOPS 1
printf '\n%-42s %9s %9s %-5s %6s\n' '' before after '' ratio
row spill 'the first, on a context of the kernel'"'"'s' ns 0 before after
