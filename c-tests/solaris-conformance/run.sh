#!/usr/bin/env bash
# Runs the conformance suite of Solaris AIO, for which no other library on Linux can be the referee, and prints a table: for
# each subject how many facts hold, and beneath it the facts in which columns differ.
#
# usage: BUILD=build ORIGINAL=build/original run.sh COLUMN... [-- OPTION or SUBJECT or part of a title...]
#
# A COLUMN is kernel, libsolarisaio.so.1 as it is; threads, the same with SOLARISAIO_ENGINE=threads; c-libaio, the same on the
# C library of ORIGINAL, which checks/original/obtain.sh made; archive, a program with libsolarisaio.a and libaio.a. With
# -wide it is compiled for offsets, and on 32 bits times, of 64 bits; then -i686 is the same on 32 bits.
# BUILD is the Makefile's build directory. O_DIRECT is tried there.
set -eu

[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
suite=solaris-conformance
# shellcheck source=c-tests/solaris-conformance/build.sh
. "$here/build.sh"
# shellcheck source=c-tests/harness/facts/columns.sh
. "$project/c-tests/harness/facts/columns.sh"

for name in "${columns[@]}"; do
	enter "$name" || continue
	ours=$directory/libsolarisaio.so.1.0.0 libaio=$directory/libaio.so.1
	if ! [ -e "$ours" ]; then
		echo "$name: there is no $ours: make solaris builds it"
		status=1
		continue
	fi
	if [ "$column" = archive ]; then
		compile_with_plus "$program-archive" "$flags" "$directory/libsolarisaio.a" "$directory/libaio.a"
	elif ! [ -e "$program" ]; then
		compile_with_plus "$program" "$flags" "-L$directory" -lsolarisaio "-Wl,-rpath-link,$directory"
	fi
	case $column in
	kernel) run "$name" "$program" "$ours" "$libaio" LD_LIBRARY_PATH="$directory" ;;
	threads) run "$name" "$program" "$ours" "$libaio" LD_LIBRARY_PATH="$directory" SOLARISAIO_ENGINE=threads ;;
	c-libaio)
		if [ -e "$c_library/libaio.so.1" ]; then
			mkdir -p "$work/c"
			ln -sf "$ours" "$work/c/libsolarisaio.so.1"
			run "$name" "$program" "$ours" "$c_library/libaio.so.1" LD_LIBRARY_PATH="$c_library:$work/c"
		else
			skip "$name" 'the C library for it could not be downloaded'
		fi
		;;
	archive) run "$name" "$program-archive" '' none ;;
	*) echo "$0: there is no column $name" >&2 && exit 2 ;;
	esac
done

table
