#!/usr/bin/env bash
# glibc's own tests of asynchronous I/O, unmodified, on glibc and on libposixaio.so.1. All have to pass. They are
# downloaded: checks/harness/obtain-source.sh. skeleton.c stands in for what they include of glibc.
#
# usage: glibc.sh BUILD WORKDIR LIBRARY
#
# As open-posix.sh.
set -eu
export LC_ALL=C

[ $# = 3 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1" "$2"
build=$(realpath "$1") sources=$(realpath "$2") library=$3
here=$(dirname "$(realpath "$0")")
project=$(realpath "$here/../..")
suite="glibc's tests" work=$build/posix-suites/glibc-run
# shellcheck source=checks/posix-suites/columns.sh
. "$here/columns.sh"

if ! "$project/checks/harness/obtain-source.sh" "$sources" glibc; then
	skip source 'could not be downloaded'
	exit 0
fi
begin /dev/null
cp "$here/skeleton.c" "$sources/glibc/test-skeleton.c"
for file in "$sources"/glibc/rt/tst-aio*.c; do
	wide=
	case $file in *-time64.c) wide='-D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64' ;; esac
	# shellcheck disable=SC2086 # words
	program "$(basename "$file" .c)" ${CC:-cc} -w -std=gnu11 -O2 -D_GNU_SOURCE $wide -I"$sources/glibc" "$file" -pthread -lrt
done
[ ${#programs[@]} -ge 12 ] || { echo "$suite: only ${#programs[@]} of them are about asynchronous I/O" >&2; exit 1; }
run_all 60
compare ${#programs[@]}
