#!/usr/bin/env bash
# Programs that use Solaris AIO, with real I/O and its data checked, on libsolarisaio.so.1 as it is, and with its threads only:
# fio with its engine solarisaio, built from Debian's source package; caches that read ahead and wait until theirs is there; and
# the trace of a database server. Prints a row for each use of a program, and totals.
#
# usage: solaris.sh BUILD [fio|cache|replay...]
#
# BUILD is the Makefile's build directory. Logs stay in BUILD/solaris-programs. The I/O goes to a directory below SCRATCH
# (/var/tmp), which should be a disk: some rows need O_DIRECT.
set -eu
export LC_ALL=C

[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$(realpath "$1")
shift
[ $# != 0 ] || set -- cache replay fio
here=$(dirname "$(realpath "$0")")
project=$(realpath "$here/../..")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck disable=SC2034 # for the functions
suite='Solaris programs' skips=$build/skipped
unset SOLARISAIO_ENGINE SOLARISAIO_THREADS LD_PRELOAD
library=$build/libsolarisaio.so.1
[ -e "$library" ] || { echo "$0: there is no $library: run make solaris" >&2; exit 1; }
logs=$build/solaris-programs
mkdir -p "$logs"
scratch=$(mktemp -d "${SCRATCH:-/var/tmp}/solarisaio-programs.XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT

# use NAME COMMAND...: both ways. The command's last line is what the table shows.
use() {
	local name=$1 engine status used
	shift
	for engine in auto threads; do
		status=0
		rm -rf "${scratch:?}/work" "$logs/$name.$engine".*
		mkdir "$scratch/work"
		(cd "$scratch/work" && LD_LIBRARY_PATH="$build" SOLARISAIO_ENGINE=$engine LD_DEBUG=bindings \
			LD_DEBUG_OUTPUT="$logs/$name.$engine.ld" timeout -k 5 180 "$@") >"$logs/$name.$engine.log" 2>&1 </dev/null || status=$?
		# The functions that ran are ours.
		used=$(sed -n -E 's/.*binding file [^ ]* \[0\] to ([^ ]+) \[[0-9]+\]: normal symbol `aio(read|write|wait)(64)?'\''.*/\1/p' \
			"$logs/$name.$engine.ld".* | sort -u)
		rm -f "$logs/$name.$engine.ld".*
		if [ $status = 0 ] && [ "$used" != "$library" ]; then
			echo "its functions are those of '$used'" >>"$logs/$name.$engine.log"
			status=1
		fi
		[ $status != 0 ] || printf '%-22s %-8s %s\n' "$name" $engine "$(tail -n 1 "$logs/$name.$engine.log")"
		judge "$name, $engine" $status "$logs/$name.$engine.log"
	done
}

# verified OPTION...: every block is written at random, read back, and its CRC-32C checked. The file is laid out first.
verified() {
	"$fio" --name=layout --filename=file --rw=write --bs=1M --size=16M --end_fsync=1 --output=layout.log
	"$fio" --name=global --output-format=json --output=report --ioengine=solarisaio --filename=file --rw=randwrite --bs=4k --size=16M \
		--randrepeat=1 --verify=crc32c --do_verify=1 --verify_fatal=1 --verify_state_save=0 "$@"
	jq -e '.jobs | all(.error == 0 and .write.total_ios > 0 and .read.total_ios == .write.total_ios)' report >/dev/null
	jq -r '"\([.jobs[].read.total_ios] | add) blocks verified, \([.jobs[].read.iops] | add | floor) reads a second"' report
}
export -f verified

for program; do
	case $program in
	cache | replay)
		compile "$scratch/$program" "$here/solaris-rows/$program.c" -D_FILE_OFFSET_BITS=64 -L"$build" -lsolarisaio "-Wl,-rpath-link,$build"
		use "$program" "$scratch/$program" .
		[ "$program" = cache ] || use "$program-direct" "$scratch/$program" . direct
		;;
	fio)
		status=0
		fio=$("$here/build-solaris-fio.sh" "$build") || status=$?
		if [ $status = 77 ]; then
			skip fio 'its source cannot be downloaded'
			continue
		elif [ $status != 0 ] || ! command -v jq >/dev/null; then
			failed=$((failed + 1))
			echo "fio: cannot be built, or there is no jq: see $logs/fio.log"
			continue
		fi
		export fio
		for depth in 1 2 4 8 16 32; do
			use "fio-direct-$depth" bash -euc 'verified "$@"' fio --direct=1 --thread --iodepth=$depth --name=row
			use "fio-buffered-$depth" bash -euc 'verified "$@"' fio --thread --iodepth=$depth --name=row
		done
		# Children of one process, each with its requests.
		use fio-processes bash -euc 'verified "$@"' fio --direct=1 --iodepth=16 --size=8M --name=first --name=second --offset=8M
		;;
	*) echo "$0: there is no $program" >&2 && exit 2 ;;
	esac
done
totals "$suite"
