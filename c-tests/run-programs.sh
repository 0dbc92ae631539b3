#!/bin/sh
# Builds the C programs in programs/ with a C compiler alone, and runs them on one library: for packages,
# where neither the C library nor crates for tests are to be had.
#
# usage: run-programs.sh DIRECTORY_OF_HEADER DIRECTORY_OF_LIBRARY
#
# CC and CFLAGS are used. Fails when a program fails, or when all are skipped.
set -eu

[ $# = 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
# shellcheck disable=SC2034 # for the functions
include=$(realpath "$1") warnings=
library=$(realpath "$2")
project=$(realpath "$(dirname "$0")/..")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck source=checks/harness/loaded.sh
. "$project/checks/harness/loaded.sh"
cd "$project/c-tests/programs"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"

compile "$work/has-aio" ../has_aio.c
refused=$("$work/has-aio") || true
[ -n "$refused" ] || kernel_aio=kernel-aio

for source in *.c; do
	lack=$(lacks "$source" "${kernel_aio-}" aio-max-nr ours shared long-timespec bad-timeouts)
	if [ -n "$lack" ]; then
		skip "${source%.c}" "$lack"
		continue
	fi
	program=$work/${source%.c} status=0
	compile "$program" "$source" -L"$library" -Wl,--no-as-needed -laio -Wl,-rpath,"$library"
	case $(would_load "$program") in
	"$library"/*) ;;
	*) echo "$source: not linked with the library in $library" >&2 && exit 1 ;;
	esac
	timeout 120 "$program" >"$work/log" 2>&1 || status=$?
	judge "${source%.c}" $status "$work/log"
done
totals 'C programs' && [ "$passed" != 0 ]
