#!/usr/bin/env bash
# The Linux Test Project's copy of the open POSIX test suite, which is kept up: its programs about asynchronous I/O,
# unmodified, on glibc and on libposixaio.so.1, program by program.
#
# usage: ltp.sh BUILD LTPFOLDER LIBRARY
#
# LTPFOLDER is a checkout of LTP; nothing is written there. The rest is as with open-posix.sh.
set -eu
export LC_ALL=C

[ $# = 3 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
tests=$2/testcases/open_posix_testsuite
[ -e "$tests/include/posixtest.h" ] || { echo "$0: '$2' is no checkout of LTP" >&2; exit 1; }
mkdir -p "$1/posix-suites"
build=$(realpath "$1") tests=$(realpath "$tests") library=$3
here=$(dirname "$(realpath "$0")")
project=$(realpath "$here/../..")
suite="LTP's suite" work=$build/posix-suites/ltp-run
# shellcheck source=checks/posix-suites/columns.sh
. "$here/columns.sh"

begin "$here/left-open.ltp"
for file in "$tests"/conformance/interfaces/{aio_,lio_}*/*.c "$tests"/conformance/definitions/aio_h/*.c; do
	# What is only to be compiled has no main.
	grep -qE '\<(main|test_main)\>' "$file" || continue
	name=${file#"$tests"/conformance/*/}
	# shellcheck disable=SC2086 # words
	program "$(tr / - <<<"${name%.c}")" ${CC:-cc} -w -std=c99 -O2 -D_XOPEN_SOURCE=700 -I"$tests/include" "$file" \
		"$tests/lib/common.c" -pthread -lrt
done
[ ${#programs[@]} -ge 70 ] || { echo "$suite: has only ${#programs[@]} programs of asynchronous I/O" >&2; exit 1; }
run_all 60
compare 60
