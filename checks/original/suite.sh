#!/usr/bin/env bash
# Runs the original library's own test suite, unmodified, on the C library and on ours, and prints a
# table. It fails when a case that passes with the C library does not pass with ours. Where the kernel
# refuses AIO the C library passes nothing, and ours is to pass with the threads engine by itself.
#
# usage: suite.sh BUILD ORIGINAL [COLUMN...]
#
# BUILD is the Makefile's build directory, ORIGINAL what obtain.sh filled. A COLUMN is
# WIDTH-LIBRARY-KIND: 64 or 32; c, ours, or threads, which is ours with LIBAIO_ENGINE=threads; so or a. Without
# any: 64-c-so 64-c-a 64-ours-so 64-ours-a 64-threads-so 64-threads-a. The environment reaches the test
# programs, LIBAIO_ variables too.
set -eu

[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$(realpath "$1")
original=$(realpath "$2")
shift 2
project=$(realpath "$(dirname "$0")/../..")
header=$project/include
# shellcheck source=checks/harness/loaded.sh
. "$project/checks/harness/loaded.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck disable=SC2034 # for the functions
suite='original suite' skips=$build/skipped

if ! [ -d "$original/source/harness" ]; then
	skip source 'could not be downloaded; when the mirror has it, remove build/original and try again'
	exit 0
fi

# Cases in the order of their numbers. 8 and 10 need an ext2 file system of their own.
cases=$(cd "$original/source/harness/cases" && printf '%s\n' *.t | sort -n | sed 's/\.t$//')
# Seconds for one case; the longest take about half a minute.
limit=180

work=$(mktemp -d "$build/original-suite.XXXXXX")
clean_up() {
	local mounted
	for mounted in "$work"/*/testdir.ext2 "$work"/*/testdir.enospc; do
		! mountpoint -q "$mounted" || umount "$mounted"
	done
	rm -rf --one-file-system "$work"
}
trap clean_up EXIT

# Case 20 takes all of fs.aio-max-nr, so nobody else may hold any. A context that is being torn down
# still counts for some milliseconds.
wait_for_quiet() {
	for _ in $(seq 100); do
		[ "$(cat /proc/sys/fs/aio-nr)" != 0 ] || return 0
		sleep 0.1
	done
	echo "note: fs.aio-nr is $(cat /proc/sys/fs/aio-nr): another program holds AIO contexts, case 20 may fail" >&2
}

# mount_for CASE: mounts the file system that the case wants, on $mounted; fails if it can't be had.
mount_for() {
	local image
	mounted=
	case $1 in
	8)
		mounted=testdir.ext2 image=ext2.img
		dd if=/dev/zero bs=1M count=10 of=$image status=none
		mke2fs -q -F -b 4096 $image 2>/dev/null
		;;
	10) mounted=testdir.enospc image=ext2-enospc.img ;;
	*) return 0 ;;
	esac
	mkdir -p "$mounted"
	mount -o loop -t ext2 $image $mounted 2>/dev/null
}

# skip_case CASE REASON: the result
skip_case() {
	skip "case $1" "$2" >&2
	echo skip
}

# run COLUMN CASE: prints pass, FAIL or skip.
run() {
	local status=0 mounted
	case $1/${LIBAIO_ENGINE-} in *-ours-*/ | *-ours-*/auto*)
		if [ -n "$refused" ] && [ "$2" != 20 ] && ! nm "cases/$2.p" | grep -qE ' [TU] io_(p?getevents|queue_run|queue_wait)'; then
			skip_case "$2" "it gets no events through the library, and so it gets the kernel's error"
			return
		fi
		;;
	esac
	if ! mount_for "$2"; then
		skip_case "$2" 'its file system cannot be mounted here'
		return
	fi
	[ "$2" != 20 ] || wait_for_quiet
	for _ in 1 2 3; do
		status=0
		timeout --kill-after=5 $limit "cases/$2.p" >"$work/$1.$2.log" 2>&1 || status=$?
		# Only case 20 is tried again: it fails when any other program takes a context meanwhile.
		if [ "$2" != 20 ] || [ $status != 1 ]; then break; fi
		wait_for_quiet
	done
	[ -z "$mounted" ] || umount "$mounted"
	case $status in
	0) echo pass ;;
	3) skip_case "$2" "says so itself: $(tail -n 1 "$work/$1.$2.log")" ;;
	*) echo FAIL ;;
	esac
}

# compile COLUMN: builds the suite against that library, in a directory of its own.
compile() {
	local width library kind directory include link cc=gcc triplet=x86_64-linux-gnu
	IFS=- read -r width library kind <<<"$1"
	# Large files as in Debian's own build of it; case 23 does not compile without.
	[ "$width" = 64 ] || { cc='gcc -m32 -D_FILE_OFFSET_BITS=64'; triplet=i386-linux-gnu; }
	if [ "$library" = c ]; then
		directory=$original/amd64/usr/lib/$triplet include=$original/source/src
		[ "$width" = 64 ] || directory=$original/i386/usr/lib/$triplet
	else
		directory=$build include=$header
		[ "$width" = 64 ] || directory=$build/i686
	fi
	link=$directory/libaio.$kind
	[ -e "$link" ] || { echo "column $1: there is no $link" >&2; return 1; }

	cp -r "$original/source/harness" "$work/$1"
	cd "$work/$1"
	make -s all CC="$cc" MK_CPPFLAGS="-I$include" LIBAIO="$link" LDFLAGS="-Wl,-rpath,$directory" \
		>"$work/$1.build" 2>&1 || { cat "$work/$1.build" >&2; return 1; }
	make -s testdir/rofile testdir/rwfile testdir/wofile
	if [ "$kind" = so ]; then
		case $(would_load cases/2.p) in
		"$directory"/*) ;;
		*) echo "column $1: the wrong library is loaded" >&2 && return 1 ;;
		esac
	elif [ -n "$(would_load cases/2.p)" ]; then
		echo "column $1: not statically linked" >&2
		return 1
	fi
	cd "$work"
}

# run_cases COLUMN CASE...: appends the results to COLUMN.results
run_cases() {
	local name=$1
	shift
	cd "$work/$name"
	case $name in *-threads-*) export LIBAIO_ENGINE=threads ;; esac
	for case; do
		echo "$case $(run "$name" "$case")" >>"$work/$name.results"
	done
}

# Why io_setup is refused here, if it is.
refused=
if [ -x "$build/has-aio" ]; then refused=$("$build/has-aio") || true; fi

if [ $# = 0 ]; then
	set -- 64-c-so 64-c-a 64-ours-so 64-ours-a 64-threads-so 64-threads-a
	if [ -n "$refused" ]; then
		set -- 64-threads-so 64-threads-a
		skip 'the C library and the kernel engine' "io_setup answers $refused here"
	fi
fi
chosen=
for name; do
	case $name in 32-c-*)
		if ! [ -e "$original/i386" ]; then
			skip "$name" 'the C library for it could not be downloaded'
			continue
		fi
		;;
	esac
	chosen="$chosen $name"
done
# shellcheck disable=SC2086 # a list of words
set -- $chosen
for name; do
	compile "$name"
done
# One column on each processor; then, alone, the case that wants all contexts that there are.
most=$(grep -vx 20 <<<"$cases")
lanes=$(nproc)
for lane in $(seq 0 $((lanes - 1))); do
	for index in $(seq "$lane" "$lanes" $(($# - 1))); do
		# shellcheck disable=SC2086 # a list of words
		(run_cases "${*:index+1:1}" $most)
	done &
done
wait
for name; do
	(run_cases "$name" 20)
done

worse=
printf '%-5s' case
printf ' %-13s' "$@"
echo
for case in $cases; do
	printf '%-5s' "$case"
	for name; do
		result=$(sed -n "s/^$case //p" "$work/$name.results")
		printf ' %-13s' "$result"
		IFS=- read -r width library kind <<<"$name"
		[ "$library" != c ] || continue
		referee=$(sed -n "s/^$case //p" "$work/$width-c-$kind.results" 2>/dev/null) || true
		case $result/$referee/$library/$case in
		pass/*) passed=$((passed + 1)) ;;
		# What passes with the C library is not to be skipped either, and each case has a result.
		*/pass/* | FAIL//* | /*)
			failed=$((failed + 1))
			worse="$worse $name/$case"
			;;
		skip/*) skipped=$((skipped + 1)) ;;
		*)
			skip "case $case" 'fails with the C library too' >&2
			;;
		esac
	done
	echo
done

for each in $worse; do
	echo "does not pass: $each" >&2
	cat "$work/${each%/*}.${each#*/}.log" >&2
done
totals 'original suite' && [ $passed != 0 ]
