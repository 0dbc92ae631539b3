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
# shellcheck disable=SC2034 # for the functions
suite='POSIX faults' library=libposixaio.so.1 options=()
# shellcheck source=c-tests/harness/faults.sh
. "$project/c-tests/harness/faults.sh"

# run_of LABEL PROGRAM DIRECTORY: sets $variables to what it runs with; 1 if it is not of that label, 2 if there is none
run_of() {
	local ours=$3/libposixaio.so.1
	case $1/$(word_of glibc "$2") in
	glibc*/right) variables=() ;;
	wrong*/wrong) variables=(PATIENCE=2) ;;
	auto*/right | auto*/wrong | auto*/either)
		variables=(LIBRARY="$ours" LD_LIBRARY_PATH="$3" LD_PRELOAD="$ours")
		;;
	threads*/right | threads*/wrong | threads*/either)
		variables=(LIBRARY="$ours" POSIXAIO_ENGINE=threads LD_LIBRARY_PATH="$3" LD_PRELOAD="$ours")
		;;
	glibc*/wrong | glibc*/either | wrong*/right | wrong*/either) return 1 ;;
	*) return 2 ;;
	esac
}

# verdict_of LABEL PROGRAM: changes $status where failing is right
verdict_of() {
	local result
	case $1 in
	wrong*)
		# 77 is no mistake that was noticed.
		if [ "$status" = 0 ]; then
			status=1
			echo "it is right, which the program says it is not: $(reason_of glibc "$2")" >>"$at.out"
		elif [ "$status" != 77 ]; then
			result=$(grep -m 1 '\.[ch]:[0-9]' "$at.out" || echo "status $status")
			echo "noticed: $result" >"$at.out"
			status=0
		fi
		;;
	esac
}

run_all "$@"
