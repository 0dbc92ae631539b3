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
project=$(realpath "$(dirname "$0")/../..")
suite=posix-conformance
# shellcheck source=c-tests/harness/facts/columns.sh
. "$project/c-tests/harness/facts/columns.sh"

for name in "${columns[@]}"; do
	enter "$name" || continue
	ours=$directory/libposixaio.so.1.0.0 libaio=$directory/libaio.so.1
	if [ "$column" != glibc ] && ! [ -e "$ours" ]; then
		echo "$name: there is no $ours: make posix builds it"
		status=1
		continue
	fi
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
