#!/usr/bin/env bash
# Runs programs where the kernel has no AIO: a seccomp filter answers the AIO system calls with ENOSYS or
# EPERM; or io_setup with EAGAIN, which LIBAIO_ENGINE=auto,spill goes over from. Then the fault tests, with the
# threads engine; those that state what kernel AIO does run on it too, as a control. Prints one line for each, and
# fails when one of them does.
#
# usage: run.sh BUILD ORIGINAL [full [FILTER...]]
#
# BUILD is the Makefile's build directory, ORIGINAL what checks/original/obtain.sh filled. Without "full" only
# our own C programs run, in three minutes. With it the original test suite, the conformance suite, fio,
# sysbench and QEMU run too, in a quarter of an hour, or behind the FILTERs only: ENOSYS EPERM EAGAIN faults.
# Logs of what failed are left in BUILD/without-aio.
#
# What is known to differ without AIO, and is skipped and counted:
#   cases 2, 18 and 19 of the original suite get no events through the library, and so they get the kernel's error, as does
#   case 20; where that is EAGAIN they fail as they do with the C library
#   the programs whose second line says that they need kernel AIO, or EAGAIN above fs.aio-max-nr, which is what
#   auto,spill is to go over from
set -eu -o pipefail

[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
build=$(realpath "$1")
original=$(realpath "$2")
full=${3:-}
shift $(($# < 3 ? $# : 3))
[ $# != 0 ] || set -- ENOSYS EPERM EAGAIN faults
chosen=" $* "
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck source=checks/harness/loaded.sh
. "$project/checks/harness/loaded.sh"
# shellcheck disable=SC2034 # for the functions
suite='without AIO' skips=$build/skipped
export LC_ALL=C
unset LIBAIO_ENGINE LIBAIO_REAP LIBAIO_SPIN LIBAIO_THREADS
logs=$build/without-aio
mkdir -p "$logs"
# On a disk: O_DIRECT is tried there.
work=$(mktemp -d -p "$build" without-aio-XXXXXX)
small=$work/small
clean_up() {
	! mountpoint -q "$small" || umount "$small"
	rm -rf --one-file-system "$work"
}
trap clean_up EXIT
export TMPDIR=$work
refused=$("$build/has-aio") || true
c_library=$original/amd64/usr/lib/x86_64-linux-gnu

# step NAME FUNCTION ARGUMENT...: runs it, and prints the last line that it writes to descriptor 3. It is not
# run in a condition: it would not stop at its first error.
step() {
	local name=$1 status log=$logs/$filter.${1//[^a-zA-Z0-9]/-}
	shift
	set +e
	result=$(set -e; exec 3>&1 >"$log" 2>&1; "$@")
	status=$?
	set -e
	case $status in
	0) passed=$((passed + 1)) && rm -f "$log" ;;
	77) skip "$name" "$(tail -n 1 "$log")" && rm -f "$log" && return ;;
	*)
		failed=$((failed + 1))
		result="FAILED, status $status: $log"
		;;
	esac
	printf '%-8s %-34s %s\n' "$filter" "$name" "$(tail -n 1 <<<"$result")"
}

# ours PROGRAM ARGUMENT...: runs it behind the filter with our library, and sees that no other one was loaded.
ours() {
	local status=0 got
	rm -f "$work"/loaded.*
	env ${engine:+LIBAIO_ENGINE="$engine"} LD_LIBRARY_PATH="${library:-$build}" LD_DEBUG=libs LD_DEBUG_OUTPUT="$work/loaded" \
		timeout "${limit:-120}" "$work/refuse" "$filter" "$@" || status=$?
	got=$(loaded "$work"/loaded.*)
	if [ "$got" != "${library:-$build}/libaio.so.1" ]; then
		echo "the library that was loaded is '$got'"
		return 1
	fi
	return $status
}

# on_c_library COMMAND...: the same on the C library, which must fail.
on_c_library() {
	if timeout 60 "$work/refuse" "$filter" "$@"; then
		echo "with the C library this works too: $*"
		return 1
	fi
}

answer() { # WANTED COMMAND...: what io_setup says
	local wanted="io_setup: $1" got
	shift
	got=$(env "$@" "$work/file_io" -c)
	echo "$*: $got"
	[ "$got" = "$wanted" ]
}

check_control() {
	if [ -z "$refused" ]; then
		answer kernel LD_LIBRARY_PATH="$c_library"
		answer kernel LD_LIBRARY_PATH="$build"
	fi
	answer "$filter" LD_LIBRARY_PATH="$c_library" "$work/refuse" "$filter"
	answer "$filter" LD_LIBRARY_PATH="$build" LIBAIO_ENGINE=kernel "$work/refuse" "$filter"
	if [ "$filter" = EAGAIN ]; then
		answer EAGAIN LD_LIBRARY_PATH="$build" "$work/refuse" "$filter"
		answer threads LD_LIBRARY_PATH="$build" LIBAIO_ENGINE=auto,spill "$work/refuse" "$filter"
	else
		answer threads LD_LIBRARY_PATH="$build" "$work/refuse" "$filter"
	fi
	echo "C library: $filter; ours: threads" >&3
}

# way WANTED PROGRAM ARGUMENT...: what becomes of it behind the filter
way() {
	local wanted=$1 got
	shift
	got=$(env ${engine:+LIBAIO_ENGINE="$engine"} LD_LIBRARY_PATH="${library:-$build}" "$work/refuse" "$filter" "$@")
	echo "${*##*/}: $got"
	[ "$got" = "$wanted" ]
}

# Who does not get events through the library gets the kernel's error.
check_own_way() {
	local at=$work/own_way
	way "$filter" "$at/refers"
	way served "$at/refers-collects"
	# The references of objects that are loaded later count as well.
	way "$filter" "$at/plain" "$at/refers.so"
	way served "$at/plain" "$at/refers.so" "$at/refers-collects.so"
	way served "$at/refers" "$at/refers-collects.so"
	# Nobody knows what a program that looks functions up by name will do.
	way served "$at/plain"
	way "$filter" "$at/static-refers"
	way served "$at/static-refers-collects"
	way "$filter" "$at/static-pie"
	way served "$at/static-pie-collects"
	# With an io_getevents of its own.
	for kind in dynamic static static-pie; do way "$filter" "$at/own-$kind"; done
	# A program with the static library in it, and a plug-in that refers to the shared one.
	way "$filter" "$at/contains" "$at/refers-collects.so"
	# A plug-in with the static library in it.
	way "$filter" "$at/plain" "$at/contains.so"
	way served "$at/plain" "$at/contains-collects.so"
	for kind in gnu sysv bfd gold lld no-plt textrel; do
		[ -e "$at/$kind" ] || continue
		way "$filter" "$at/$kind"
		way served "$at/$kind-collects"
	done
	if [ -e "$at/32-refers" ]; then
		library=$build/i686 way "$filter" "$at/32-refers"
		library=$build/i686 way served "$at/32-refers-collects"
		way "$filter" "$at/32-static-refers"
		way served "$at/32-static-refers-collects"
	fi
	set -- "$at"/*
	echo "$# programs and plug-ins" >&3
}

compile_own_way() {
	local at=$work/own_way source=$here/own_way.c collects name
	mkdir "$at"
	compile "$at/plain" -D_GNU_SOURCE "$source" -ldl
	compile "$at/contains" -D_GNU_SOURCE -DREFERS -DFIRST "$source" "$build/libaio.a" -ldl
	set -- -D_GNU_SOURCE -DREFERS -DCOLLECTS -DOWN "$source" "$build/libaio.a"
	compile "$at/own-dynamic" "$@" -ldl
	compile "$at/own-static" -static -DSTATIC "$@"
	compile "$at/own-static-pie" -static-pie -DSTATIC "$@"
	for collects in '' -collects; do
		set -- -D_GNU_SOURCE -DREFERS ${collects:+-DCOLLECTS} "$source"
		compile "$at/refers$collects" "$@" "$build/libaio.so" -ldl
		compile "$at/refers$collects.so" -fPIC -shared -DPLUGIN "$@" "$build/libaio.so"
		compile "$at/contains$collects.so" -fPIC -shared -DPLUGIN "$@" "$build/libaio.a"
		compile "$at/static-refers$collects" -static -DSTATIC "$@" "$build/libaio.a"
		compile "$at/static-pie$collects" -static-pie -DSTATIC "$@" "$build/libaio.a"
		# Symbol tables and relocations of every kind that compilers and linkers make.
		compile "$at/gnu$collects" -Wl,--hash-style=gnu "$@" "$build/libaio.so" -ldl
		compile "$at/sysv$collects" -Wl,--hash-style=sysv "$@" "$build/libaio.so" -ldl
		compile "$at/no-plt$collects" -fno-plt "$@" "$build/libaio.so" -ldl
		compile "$at/textrel$collects" -no-pie -fno-pic "$@" "$build/libaio.so" -ldl
		for name in bfd gold lld; do
			! command -v ld.$name >/dev/null || compile "$at/$name$collects" -fuse-ld=$name "$@" "$build/libaio.so" -ldl
		done
		[ -e "$build/i686/libaio.so" ] || continue
		compile "$at/32-refers$collects" -m32 "$@" "$build/i686/libaio.so" -ldl
		compile "$at/32-static-refers$collects" -m32 -static -DSTATIC "$@" "$build/i686/libaio.a"
	done
}

check_file_io() {
	ours "$work/file_io"
	env ${engine:+LIBAIO_ENGINE="$engine"} "$work/refuse" "$filter" "$work/file_io_static"
	if [ -e "$work/file_io_32" ]; then
		library=$build/i686 ours "$work/file_io_32"
		echo 'shared, static and 32-bit' >&3
	else
		echo 'shared and static' >&3
	fi
}

# lack_of NAME: why the program of c-tests/programs cannot run behind the filter
lack_of() {
	local has='aio-max-nr ours shared long-timespec bad-timeouts'
	[ $filter != EAGAIN ] || has=${has#aio-max-nr }
	# shellcheck disable=SC2086 # words
	lacks "$project/c-tests/programs/$1.c" $has
}

check_programs() {
	local program name status count=0 bad=
	for program in "$work"/programs/*; do
		name=$(basename "$program")
		[ -z "$(lack_of "$name")" ] || continue
		status=0
		(cd "$work" && ours "$program") || status=$?
		case $status in 0) count=$((count + 1)) ;; *) bad="$bad $name($status)" ;; esac
	done
	echo "failed:$bad"
	[ -z "$bad" ]
	echo "$count programs" >&3
}

check_conformance() { # PROGRAM
	ours "$work/$1" -e -t "$work/totals"
	awk '{ all += $2; differ += $4; skipped += $5 }
		END { if (all < 1000) exit 1; print all - differ - skipped " of " all " checks, " differ " that only the kernel meets, " skipped " skipped" }' \
		"$work/totals" >&3
}

# Every case that passes with kernel AIO passes without, but 20; with the C library those that need AIO fail.
check_suite() {
	local columns='64-c-so 64-ours-so 64-ours-a'
	[ ! -e "$build/i686/libaio.so" ] || columns="$columns 32-ours-so 32-ours-a"
	# shellcheck disable=SC2086 # a list of words
	env ${engine:+LIBAIO_ENGINE="$engine"} "$work/refuse" "$filter" \
		"$project/checks/original/suite.sh" "$build" "$original" $columns | tee "$work/suite" || true
	awk -v filter="$filter" '$1 ~ /^[0-9]+$/ {
			cases++
			c += $2 != "pass"
			for (i = 3; i <= NF; i++) {
				if ($i == "pass") ours++
				else if ($1 ~ /^(2|8|10|18|19)$/ && $i == "skip") known++
				else if ($1 ~ /^(2|18|19|20)$/ && filter == "EAGAIN" && $2 == "FAIL" && $i == "FAIL") known++
				else { print "case " $1 ", column " i ": " $i; bad++ }
			}
		}
		END {
			if (bad || cases < 20 || c < cases - 2) exit 1
			print ours " of ours pass, " known + 0 " differ or are skipped; with the C library " c " of " cases " do not"
		}' "$work/suite" >"$work/suite.total" || { cat "$work/suite.total"; return 1; }
	cat "$work/suite.total" >&3
}

check_fio() { # OPTIONS...
	on_c_library fio --name=c --ioengine=libaio --filename="$work/fio.file" --size=1M \
		--rw=write --direct=1 --output="$work/fio.c"
	ours fio --name=verify --ioengine=libaio --filename="$work/fio.file" --size=64M --bs=4k \
		--iodepth=32 --verify=crc32c --verify_fatal=1 --verify_state_save=0 --output-format=json \
		--output="$work/fio.json" "$@"
	jq -e '.jobs[0] | .error == 0 and .write.total_ios > 0 and .read.total_ios >= .write.total_ios' "$work/fio.json"
	jq -r '.jobs[0] | "\(.write.total_ios) blocks written, \(.read.total_ios) read, verified; the C library fails"' \
		"$work/fio.json" >&3
	rm "$work/fio.file"
}

# Its own validation fails with asynchronous requests, with the C library on the kernel's AIO too.
check_sysbench() {
	local options='--file-total-size=64M --file-num=4 --file-io-mode=async --file-test-mode=rndrw
		--file-extra-flags=direct --file-fsync-freq=50 --time=5 --threads=2'
	cd "$work"
	# shellcheck disable=SC2086 # a list of words
	{
		sysbench fileio $options prepare
		on_c_library sysbench fileio $options run
		ours sysbench fileio $options run >sysbench.out
		sysbench fileio $options cleanup
	}
	cat sysbench.out
	if grep -i -E 'FATAL|mismatch|error' sysbench.out; then return 1; fi
	awk '/reads\/s:/ { r = $2 } /writes\/s:/ { w = $2 }
		END { if (r + w == 0) exit 1; print r " reads/s, " w " writes/s; the C library fails" }' sysbench.out >&3
}

native() { # FILE: what QEMU is to open
	echo "driver=raw,file.driver=file,file.filename=$1,file.aio=native,file.cache.direct=on,cache.direct=on"
}

check_qemu() {
	local file=$work/qemu.raw copy=$work/qemu.copy
	qemu-img create -q -f raw "$file" 64M
	# It reads the ring itself. So io_setup fails, and it falls back to threads of its own.
	local library
	for library in "" "$build"; do
		LD_LIBRARY_PATH=$library "$work/refuse" "$filter" qemu-io --image-opts -c 'read 0 4k' "$(native "$file")" 2>&1 |
			tee "$work/qemu.out"
		grep -q 'falling back to thread pool: failed to create linux AIO context' "$work/qemu.out"
	done
	# If the library is told to, it serves QEMU, which finds its events in the ring.
	local engine=threads
	ours qemu-io --image-opts -c 'write -P 0x5a 0 8M' -c 'aio_write -P 0xa5 8M 4M' -c 'aio_write -P 0x11 12M 64k' \
		-c aio_flush -c flush -c 'read -P 0x5a 0 8M' -c 'read -P 0xa5 8M 4M' -c 'read -P 0x11 12M 64k' \
		"$(native "$file")" 2>&1 | tee "$work/qemu.out"
	if grep -i -E 'fail|error|falling back' "$work/qemu.out"; then return 1; fi
	[ "$(grep -c '^read ' "$work/qemu.out")" = 3 ]
	dd if=/dev/urandom of="$file" bs=1M seek=16 count=32 conv=notrunc status=none
	truncate -s 64M "$copy"
	ours qemu-img convert -n --image-opts --target-image-opts -W "$(native "$file")" "$(native "$copy")"
	cmp "$file" "$copy"
	ours qemu-img bench -c 20000 -d 32 -s 4096 -w -t none -n -f raw "$copy" | tee "$work/qemu.out"
	sed -n 's/^Run completed in \(.*\) seconds\./20000 writes in \1 s; convert, qemu-io: as written; falls back unless told to use threads/p' \
		"$work/qemu.out" | grep . >&3
}

compile "$work/refuse" "$here/refuse.c"
compile "$work/file_io" -D_GNU_SOURCE "$here/file_io.c" "$build/libaio.so"
compile "$work/file_io_static" -D_GNU_SOURCE "$here/file_io.c" "$build/libaio.a"
[ ! -e "$build/i686/libaio.so" ] || compile "$work/file_io_32" -D_GNU_SOURCE -m32 "$here/file_io.c" "$build/i686/libaio.so"
mkdir "$work/programs" "$work/faults" "$small"
compile_own_way
for source in "$project"/c-tests/programs/*.c; do
	compile "$work/programs/$(basename "$source" .c)" "$source" "$build/libaio.so"
done
if [ -n "$full" ]; then
	for width in 64 32; do
		options=
		[ $width = 64 ] || { options=-m32; [ -e "$build/i686/libaio.so" ] || continue; }
		library=$build
		[ $width = 64 ] || library=$build/i686
		# shellcheck disable=SC2086 # perhaps none
		compile_conformance "$work/conformance_$width" $options "$library/libaio.so"
	done
	library=
fi

for filter in ENOSYS EPERM EAGAIN; do
	case $chosen in *" $filter "*) rm -f "$logs/$filter".* ;; *) continue ;; esac
	engine=
	[ $filter != EAGAIN ] || engine=auto,spill
	step 'control' check_control
	step 'file_io' check_file_io
	step 'programs with a way of their own' check_own_way
	if [ -n "$full" ] || [ $filter = ENOSYS ]; then
		step 'c-tests/programs' check_programs
		for source in "$project"/c-tests/programs/*.c; do
			name=$(basename "$source" .c)
			lack=$(lack_of "$name")
			[ -z "$lack" ] || skip "$name" "$lack"
		done
	fi
	[ -n "$full" ] || continue
	step 'conformance' check_conformance conformance_64
	if [ -e "$work/conformance_32" ]; then library=$build/i686 step 'conformance, 32-bit' check_conformance conformance_32; fi
	step 'original suite' check_suite
	if command -v fio >/dev/null && command -v jq >/dev/null; then
		step 'fio randrw O_DIRECT' check_fio --rw=randrw --direct=1
		step 'fio randwrite O_DIRECT' check_fio --rw=randwrite --direct=1
		step 'fio randwrite buffered' check_fio --rw=randwrite --direct=0
		step 'fio randwrite userspace_reap' check_fio --rw=randwrite --direct=1 --userspace_reap=1
		step 'fio write fdatasync batches' check_fio --rw=write --direct=1 --fdatasync=64 --iodepth_batch=8 \
			--iodepth_batch_complete_min=4 --thread
	else
		skip fio 'fio or jq is not installed'
	fi
	if command -v sysbench >/dev/null; then step 'sysbench fileio async' check_sysbench; else skip sysbench 'not installed'; fi
	if command -v qemu-io >/dev/null && command -v qemu-img >/dev/null; then
		step 'QEMU aio=native' check_qemu
	else
		skip QEMU 'qemu-io and qemu-img are not installed'
	fi
done

# Faults: the threads engine, with the kernel's AIO there.
filter=faults engine=threads
# What holds of kernel AIO just as well.
alike='wrong_file descriptors missed_signal last_thread handler jump order fuse identity alone own_table cancellation
	execution memory_pressure'
fault() { # NAME ARGUMENT...: the fault that a program of this name makes
	local program=$1
	shift
	LIBAIO_ENGINE=$engine LD_LIBRARY_PATH=$build timeout 100 "$work/faults/$program" "$@" | tee "$work/fault.out"
	tail -n 1 "$work/fault.out" >&3
}
# python-libaio's own tests, polls among them, from PyPI.
check_python() {
	local to=$build/python-libaio
	if ! [ -e "$to/libaio/test.py" ] && ! python3 -m pip install --quiet --no-deps --target "$to" libaio==0.9.5; then
		echo 'python-libaio cannot be had from PyPI with pip'
		return 77
	fi
	LIBAIO_ENGINE=$engine LD_LIBRARY_PATH=$build PYTHONPATH=$to timeout 100 python3 -m unittest libaio.test 2>&1 |
		tee "$work/python.out"
	grep '^Ran ' "$work/python.out" >&3
}
check_faults() {
	local source name kind
	rm -f "$logs/$filter".*
	for source in "$here"/faults/*.c; do
		compile "$work/faults/$(basename "$source" .c)" -D_GNU_SOURCE "$source" "$build/libaio.so" -ldl
	done
	# The plug-in contains the static library.
	compile "$work/plugin.so" -D_GNU_SOURCE -DPLUGIN -fPIC -shared "$here/faults/plugin.c" "$build/libaio.a"
	for name in no_threads no_memory no_descriptors killed many_contexts normal_exit users clock scheduling thread_local ending block_device; do
		step "$name" fault "$name"
	done
	# Of the order of things, what a helper can give that may not have begun.
	for name in $alike; do
		# shellcheck disable=SC2046 # a list of words
		step "$name" fault "$name" $([ "$name" != order ] || echo 200 O_APPEND extending extending-read end-pwrite end-extending)
	done
	step 'python-libaio' check_python
	if [ -z "$refused" ]; then
		for name in $alike; do engine=kernel step "$name, kernel AIO" fault "$name"; done
	else
		skip 'the control of the faults' "kernel AIO answers $refused"
	fi
	step plugin fault plugin "$work/plugin.so"
	for kind in tmpfs ext2; do
		case $kind in
		tmpfs) mounting() { mount -t tmpfs -o size=4M none "$small" 2>"$work/mount"; } ;;
		ext2)
			mounting() {
				truncate -s 8M "$work/image" && mke2fs -q -F -b 4096 "$work/image" 2>"$work/mount" &&
					mount -o loop -t ext2 "$work/image" "$small" 2>"$work/mount"
			}
			;;
		esac
		if mounting; then
			step "no_space, $kind" fault no_space "$small"
			step "no_space, $kind, O_DIRECT" fault no_space "$small" direct
			umount "$small"
		else
			skip "no_space, $kind" "it cannot be mounted: $(tail -n 1 "$work/mount")"
		fi
	done
}
case $chosen in *" faults "*) check_faults ;; esac

totals 'without AIO'
