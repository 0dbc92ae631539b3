#!/usr/bin/env bash
# Runs the conformance suite of POSIX AIO on glibc (the referee) and on our library, and prints a table: for each subject how
# many facts hold, and beneath it the facts in which columns differ.
#
# usage: BUILD=build ORIGINAL=build/original run.sh COLUMN... [-- OPTION or SUBJECT or part of a title...]
#
# A COLUMN is glibc; preload, libposixaio.so.1 under the program that was linked with glibc; threads, the same with
# POSIXAIO_ENGINE=threads; handed-over, the same with POSIXAIO_ENGINE=glibc, which is judged as glibc is; c-libaio, the same
# on the C library of ORIGINAL, which checks/original/obtain.sh made; self-contained, libposixaio-preload.so; linked, a program
# that was linked with -lposixaio; archive, one with libposixaio.a and libaio.a. With -wide it is the program that was compiled
# for offsets, and on 32 bits times, of 64 bits, so that it calls the *64 functions; then -i686 is the same on 32 bits.
# BUILD is the Makefile's build directory. O_DIRECT is tried there.
set -eu

[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
build=$(realpath "${BUILD:-$project/build}")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck source=c-tests/harness/facts/build.sh
. "$project/c-tests/harness/facts/build.sh"
# shellcheck disable=SC2034 # for the functions
suite=posix-conformance skips=$build/skipped
original=${ORIGINAL:-$build/original}
work=$(mktemp -d -p "$build" posix-conformance-XXXXXX)
trap 'rm -rf "$work"' EXIT
# shellcheck source=c-tests/harness/facts/columns.sh
. "$project/c-tests/harness/facts/columns.sh"
split_arguments "$@"

for name in "${columns[@]}"; do
	column=$name flags='' directory=$build bits=64 c_library=$original/amd64/usr/lib/x86_64-linux-gnu
	case $column in *-i686)
		column=${column%-i686} flags=-m32 directory=$build/i686 bits=32 c_library=$original/i386/usr/lib/i386-linux-gnu
		;;
	esac
	case $column in *-wide)
		column=${column%-wide} bits=$bits-wide flags="$flags $wide${flags:+ $wide_time}"
		;;
	esac
	if [ -n "$flags" ] && ! can_compile "$work/probe" "$flags"; then
		skip "$name" "the C compiler makes no programs for it: cc $flags"
		continue
	fi
	ours=$directory/libposixaio.so.1.0.0 libaio=$directory/libaio.so.1
	if [ "$column" != glibc ] && ! [ -e "$ours" ]; then
		echo "$name: there is no $ours: make posix builds it"
		status=1
		continue
	fi
	program=$work/$bits
	[ -e "$program" ] || [ "$column" = linked ] || [ "$column" = archive ] || compile_suite "$program" "$flags"
	case $column in
	glibc) run "$name" "$program" "$(libc_of "$program")" none -g ;;
	preload) run "$name" "$program" "$ours" "$libaio" LD_PRELOAD="$ours" LD_LIBRARY_PATH="$directory" ;;
	threads)
		run "$name" "$program" "$ours" "$libaio" LD_PRELOAD="$ours" LD_LIBRARY_PATH="$directory" POSIXAIO_ENGINE=threads
		;;
	handed-over)
		run "$name" "$program" "$ours" "$libaio" -g LD_PRELOAD="$ours" LD_LIBRARY_PATH="$directory" POSIXAIO_ENGINE=glibc
		;;
	c-libaio)
		if [ -e "$c_library/libaio.so.1" ]; then
			run "$name" "$program" "$ours" "$c_library/libaio.so.1" LD_PRELOAD="$ours" LD_LIBRARY_PATH="$c_library"
		else
			skip "$name" "the C library for it could not be downloaded"
		fi
		;;
	self-contained)
		run "$name" "$program" "$directory/libposixaio-preload.so" none LD_PRELOAD="$directory/libposixaio-preload.so"
		;;
	linked)
		compile_suite "$program-linked" "$flags -L$directory -lposixaio -Wl,-rpath-link,$directory"
		run "$name" "$program-linked" "$ours" "$libaio" LD_LIBRARY_PATH="$directory"
		;;
	archive)
		compile_suite "$program-archive" "$flags $directory/libposixaio.a $directory/libaio.a"
		run "$name" "$program-archive" '' none
		;;
	*) echo "$0: there is no column $name" >&2 && exit 2 ;;
	esac
done

table
