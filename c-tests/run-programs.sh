#!/bin/sh
# Builds the C programs in programs/ with a C compiler alone, and runs them on one library: for packages,
# where neither the C library nor crates for tests are to be had.
#
# usage: run-programs.sh DIRECTORY_OF_HEADER DIRECTORY_OF_LIBRARY
#
# CC and CFLAGS are used. Fails when a program fails, or when all are skipped.
set -eu

[ $# = 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
include=$(realpath "$1") library=$(realpath "$2")
cd "$(dirname "$0")/programs"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"

${CC:-cc} -o "$work/has-aio" ../has_aio.c
refused=$("$work/has-aio") || true

passed=0 failed=0 skipped=0
for source in *.c; do
	if [ -n "$refused" ] && [ "$(sed -n 2p "$source")" = '/* needs: kernel-aio */' ]; then
		skipped=$((skipped + 1))
		echo "${source%.c}: needs kernel AIO, and io_setup answers $refused here"
		continue
	fi
	program=$work/${source%.c}
	# shellcheck disable=SC2086 # words
	${CC:-cc} ${CFLAGS:--O2} -std=gnu11 -pthread -I"$include" "$source" -o "$program" \
		-L"$library" -laio -Wl,-rpath,"$library"
	ldd "$program" | grep -q "libaio[^ ]* => $library/" || { echo "$source: not linked with the library in $library" >&2; exit 1; }
	status=0
	timeout 120 "$program" >"$work/log" 2>&1 || status=$?
	case $status in
	0) passed=$((passed + 1)) ;;
	77)
		skipped=$((skipped + 1))
		echo "${source%.c}: $(cat "$work/log")"
		;;
	*)
		failed=$((failed + 1))
		echo "${source%.c}: failed with status $status" >&2
		cat "$work/log" >&2
		;;
	esac
done
echo "C programs: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
