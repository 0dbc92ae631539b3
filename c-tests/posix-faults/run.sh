#!/usr/bin/env bash
# Runs the programs of faults: what must hold when something is refused, ends, or is used in a way that nobody expects.
#
# usage: run.sh LABEL... [-- PROGRAM...]
#
# A LABEL is glibc, the C library's own POSIX AIO; wrong, the same where it is known to be wrong; auto, our library
# preloaded; threads, the same with POSIXAIO_ENGINE=threads; and each with -i686 behind it. Without PROGRAMs all.
# The environment says BUILD: the Makefile's build directory; and LONG=1 if there is time.
#
# The second line of a program says what the C library makes of it:
#   /* glibc: right */          it is the referee, and must pass
#   /* glibc: wrong, WHY */     the program must notice it
#   /* glibc: either, WHY */    what happens there is not determined, or not asked
set -eu

[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
build=$(realpath "${BUILD:-$project/build}")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck disable=SC2034 # for the functions
suite='POSIX faults' skips=$build/skipped
labels=
while [ $# != 0 ] && [ "$1" != -- ]; do
	labels="$labels $1"
	shift
done
[ $# = 0 ] || shift
[ $# != 0 ] || {
	for source in "$here"/*.c; do set -- "$@" "$(basename "$source" .c)"; done
}
unset POSIXAIO_ENGINE POSIXAIO_THREADS LIBRARY PATIENCE LD_PRELOAD
mkdir -p "$build"
# On a disk: O_DIRECT is tried there.
work=$(mktemp -d -p "$build" posix-faults-XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
# Programs become other users.
chmod 755 "$work"

# glibc_is PROGRAM: right, wrong or either
glibc_is() { sed -n '2s|^/\* glibc: \([a-z]*\).*\*/$|\1|p' "$here/$1.c"; }
reason() { sed -n '2s|^/\* glibc: [a-z]*, \(.*\) \*/$|\1|p' "$here/$1.c"; }

# try WIDTH PROGRAM RESULT [VARIABLE=VALUE...]: its messages and its status, in files that begin with RESULT
try() {
	local width=$1 name=$2 result=$3 status=0
	shift 3
	# Messages name the files without a directory.
	[ -e "$work/$width/$name" ] ||
		(cd "$here" && compile "$work/$width/$name" -D_GNU_SOURCE "-m$width" "$name.c" -ldl) >"$result.out" 2>&1 ||
		status=1
	mkdir -m 777 "$result.files"
	if [ $status = 0 ]; then
		(cd "$result.files" && timeout -k 5 170 env TMPDIR="$result.files" "$@" "$work/$width/$name" 2>&1) \
			>"$result.out" 2>"$result.shell" || status=$?
	fi
	rm -rf --one-file-system "$result.files"
	echo $status >"$result.status"
}

# one LABEL PROGRAM WIDTH [VARIABLE=VALUE...]: begins it, beside others, most of which sleep
begun=
one() {
	while [ "$(jobs -r | wc -l)" -ge 6 ]; do wait -n || true; done
	begun="$begun $1/$2"
	mkdir -p "$work/$1"
	try "$3" "$2" "$work/$1/$2" "${@:4}" &
}

# result_of LABEL PROGRAM: its last line, behind its name
result_of() {
	local label=$1 name=$2 at=$work/$1/$2 status result
	status=$(cat "$at.status")
	case $label in
	wrong*)
		# 77 is no mistake that was noticed.
		if [ "$status" = 0 ]; then
			status=1
			echo "it is right, which the program says it is not: $(reason "$name")" >>"$at.out"
		elif [ "$status" != 77 ]; then
			result=$(grep -m 1 '\.[ch]:[0-9]' "$at.out" || echo "status $status")
			echo "noticed: $result" >"$at.out"
			status=0
		fi
		;;
	esac
	[ "$status" != 0 ] || printf '%-13s %-18s %s\n' "$label" "$name" "$(tail -n 1 "$at.out")"
	judge "$label $name" "$status" "$at.out"
}

mkdir "$work/64" "$work/32"
for label in $labels; do
	width=64 library=$build
	case $label in *-i686) width=32 library=$build/i686 ;; esac
	if [ $width = 32 ] && ! echo 'int main(void) { return 0; }' | ${CC:-cc} -m32 -x c -o "$work/narrow" - 2>/dev/null; then
		skip "$label" 'the compiler makes no 32-bit programs'
		continue
	fi
	for name; do
		kind=$(glibc_is "$name")
		case $label/$kind in
		glibc*/right) one "$label" "$name" $width ;;
		wrong*/wrong) one "$label" "$name" $width PATIENCE=2 ;;
		auto*/right | auto*/wrong | auto*/either)
			one "$label" "$name" $width LIBRARY="$library/libposixaio.so.1" \
				LD_LIBRARY_PATH="$library" LD_PRELOAD="$library/libposixaio.so.1"
			;;
		threads*/right | threads*/wrong | threads*/either)
			one "$label" "$name" $width LIBRARY="$library/libposixaio.so.1" POSIXAIO_ENGINE=threads \
				LD_LIBRARY_PATH="$library" LD_PRELOAD="$library/libposixaio.so.1"
			;;
		glibc*/wrong | glibc*/either | wrong*/right | wrong*/either) ;;
		*) echo "$0: there is no run $label, or $name does not say what glibc does: '$kind'" >&2 && exit 2 ;;
		esac
	done
	# The next label's programs may be the same.
	wait
done
for name in $begun; do result_of "${name%/*}" "${name#*/}"; done
totals 'POSIX faults'
