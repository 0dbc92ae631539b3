#!/usr/bin/env bash
# The open POSIX test suite: its programs about asynchronous I/O, unmodified, on glibc and on libposixaio.so.1, program
# by program. They are downloaded: checks/harness/obtain-source.sh.
#
# usage: open-posix.sh BUILD WORKDIR LIBRARY
#
# BUILD is the Makefile's build directory, where programs and logs stay; the source goes to WORKDIR. LIBRARY is
# preloaded; an empty one runs glibc's column alone. CC='cc -m32' with a library of 32 bits is possible.
set -eu
export LC_ALL=C

[ $# = 3 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1" "$2"
build=$(realpath "$1") sources=$(realpath "$2") library=$3
here=$(dirname "$(realpath "$0")")
project=$(realpath "$here/../..")
suite='open POSIX suite' work=$build/posix-suites/open-posix-run
# shellcheck source=checks/posix-suites/columns.sh
. "$here/columns.sh"

if ! "$project/checks/harness/obtain-source.sh" "$sources" open-posix; then
	skip source 'could not be downloaded'
	exit 0
fi
begin "$here/left-open"
tests=$sources/open-posix
for file in "$tests"/conformance/interfaces/{aio_,lio_}*/*.c; do
	name=${file#"$tests"/conformance/interfaces/}
	# As its own Makefile does, without the warnings.
	# shellcheck disable=SC2086 # words
	program "$(tr / - <<<"${name%.c}")" ${CC:-cc} -w -std=gnu99 -g -O2 -D_POSIX_C_SOURCE=200112L -D_GNU_SOURCE \
		-include "$here/before.h" -I"$tests/include" "$file" -pthread -lrt
done
[ ${#programs[@]} -ge 104 ] || { echo "$suite: has only ${#programs[@]} programs of asynchronous I/O" >&2; exit 1; }
run_all 60
compare 41
