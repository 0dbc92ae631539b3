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
build=$(realpath "${BUILD:-$project/build}")
length=$1
shift
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck disable=SC2034 # for the functions
suite='POSIX stress' skips=$build/skipped
case $length in
quick) seeds=1 mixed=60000 ;;
long)
	first=${SEED:-$(date +%s)}
	seeds=$(seq "$first" $((first + 2))) mixed=200000
	;;
*) echo "$0: quick or long?" >&2 && exit 2 ;;
esac
unset POSIXAIO_ENGINE POSIXAIO_THREADS LIBRARY LD_PRELOAD
# On a disk: O_DIRECT is tried there.
work=$(mktemp -d -p "$build" posix-stress-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/64" "$work/32"

# one LABEL WIDTH PROGRAM ARGUMENT...: with the settings in the list `settings`
one() {
	local label=$1 width=$2 name=$3 status=0
	shift 3
	[ -e "$work/$width/$name" ] ||
		(cd "$here" && compile "$work/$width/$name" -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 "-m$width" "$name.c" -ldl)
	(cd "$work" && timeout -k 5 600 env TMPDIR="$work" "${settings[@]}" "$work/$width/$name" "$@" 2>&1) \
		>"$work/out" 2>"$work/shell" || status=$?
	[ $status != 0 ] || printf '%-13s %-10s %s\n' "$label" "$name" "$(tail -n 1 "$work/out")"
	judge "$label $name $*" $status "$work/out"
}

count=10000000
for label; do
	width=64 library=$build
	case $label in *-i686) width=32 library=$build/i686 ;; esac
	if [ $width = 32 ] && ! echo 'int main(void) { return 0; }' | ${CC:-cc} -m32 -x c -o "$work/narrow" - 2>/dev/null; then
		skip "$label" 'the compiler makes no 32-bit programs'
		continue
	fi
	settings=(LIBRARY="$library/libposixaio.so.1" LD_LIBRARY_PATH="$library" LD_PRELOAD="$library/libposixaio.so.1")
	case ${label%-i686} in
	glibc)
		settings=(PATIENCE=40)
		one "$label" $width counting 100000
		;;
	auto | threads)
		[ "${label%-i686}" = auto ] || settings+=(POSIXAIO_ENGINE=threads)
		one "$label" $width counting $count
		count=1000000
		;;
	*) echo "$0: there is no run $label" >&2 && exit 2 ;;
	esac
	for seed in $seeds; do
		one "$label" $width mixed "$mixed" "$seed"
	done
done
totals 'POSIX stress'
