#!/usr/bin/env bash
# Runs the stress programs of POSIX AIO: every request accounted for.
#
# usage: run.sh quick|long LABEL...
#
# A LABEL is glibc, the C library's own POSIX AIO; auto, our library preloaded; threads, the same with
# POSIXAIO_ENGINE=threads; and each with -i686 behind it. The first label of ours that is named counts ten million
# requests; others a tenth, and glibc a hundredth. quick has the seed 1, long three others, from SEED if it is set. A failure
# prints the seed: `mixed REQUESTS SEED` makes the same choices again.
# The environment says BUILD: the Makefile's build directory.
set -eu

[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
# shellcheck disable=SC2034 # for the functions
suite='POSIX stress' options=()
# shellcheck source=c-tests/harness/stress.sh
. "$project/c-tests/harness/stress.sh"
seeds_of "$1"
[ "$1" = quick ] && mixed=60000 || mixed=200000
shift

count=10000000
for label; do
	enter "$label" || continue
	ours=$directory/libposixaio.so.1
	settings=(LIBRARY="$ours" LD_LIBRARY_PATH="$directory" LD_PRELOAD="$ours")
	case ${label%-i686} in
	glibc)
		settings=(PATIENCE=40)
		one "$label" counting 100000
		;;
	auto | threads)
		[ "${label%-i686}" = auto ] || settings+=(POSIXAIO_ENGINE=threads)
		one "$label" counting $count
		count=1000000
		;;
	*) echo "$0: there is no run $label" >&2 && exit 2 ;;
	esac
	for seed in $seeds; do
		one "$label" mixed "$mixed" "$seed"
	done
done
totals "$suite"
