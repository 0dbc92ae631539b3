#!/usr/bin/env bash
# Builds fio with its engine solarisaio, unmodified: Debian's source package, our <sys/asynch.h>, and libsolarisaio.so.1.
#
# usage: build-solaris-fio.sh BUILD
#
# BUILD is the Makefile's build directory, with the libraries. Prints the path of the fio that has been made, in BUILD/solaris-programs;
# what the tools say goes to BUILD/solaris-programs/fio.log. Exit status 77: its source cannot be downloaded.
#
# fio's configure looks for the functions in -laio, which is their library's name on Solaris. On Linux that is another library:
# ours comes in by LDFLAGS, so that the test of configure links with both. Its struct io_u has an aio_result_t, whose header
# only fio's os-solaris.h includes: here the compiler does.
set -eu
export LC_ALL=C

[ $# = 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$(realpath "$1")
project=$(realpath "$(dirname "$0")/../..")
work=$build/solaris-programs
mkdir -p "$work"
log=$work/fio.log
"$project/checks/harness/obtain-source.sh" "$work" fio >"$log" 2>&1 || { cat "$log" >&2; exit 77; }
fio=$work/fio/fio
if [ -x "$fio" ] && [ "$fio" -nt "$project/include/sys/asynch.h" ]; then
	echo "$fio"
	exit 0
fi
(
	cd "$work/fio"
	export CPATH=$project/include LIBRARY_PATH=$build LDFLAGS="-Wl,--no-as-needed -lsolarisaio" LD_LIBRARY_PATH=$build
	./configure --disable-native --extra-cflags='-include sys/asynch.h'
	grep -q '^CONFIG_SOLARISAIO=y' config-host.mak || { echo 'configure does not find aioread'; exit 1; }
	make -j"$(nproc)" fio
) >>"$log" 2>&1 </dev/null || { cat "$log" >&2; exit 1; }
[ "$(LD_LIBRARY_PATH=$build "$fio" --enghelp | grep -c -x '[[:space:]]*solarisaio')" = 1 ] || { echo "$0: fio has no engine solarisaio" >&2; exit 1; }
echo "$fio"
