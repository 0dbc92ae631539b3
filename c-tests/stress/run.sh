#!/usr/bin/env bash
# Runs the stress programs on our library: as it is, with LIBAIO_REAP=syscall, with the threads engine, and on
# i686 where that is built; all but the first for a shorter time.
#
# usage: run.sh [SECONDS_PER_PROGRAM]
#
# The environment says BUILD: the Makefile's build directory. Programs named NAME.ours.c crash the C library.
set -u

here=$(realpath "$(dirname "$0")")
build=$(realpath "${BUILD:-$here/../../build}")
seconds=${1:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0
# What reaping in user space cannot do yet: libaio(7), CAVEATS. It runs with system calls only.
limits=' step_fork.ours '
# The program makes AIO system calls itself, on a context that the kernel does not know then.
not_for_threads=' head_mover '

# compile DIRECTORY LIBRARY [OPTION...]: all programs
compile() {
	local to=$1 library=$2 source
	shift 2
	mkdir -p "$to"
	for source in "$here"/*.c; do
		"${CC:-gcc}" -O2 -Wall -Wextra -Werror "$@" -I"$here/../../include" "$source" \
			-o "$to/$(basename "$source" .c)" -L"$library" -laio -pthread || exit 1
	done
}

# skip LABEL PROGRAM REASON
skip() {
	skipped=$((skipped + 1))
	echo "$1 $2: skipped, $3"
	echo "stress, $1 $2: $3" >>"$build/skipped"
}

# run LABEL PROGRAMS LIBRARY SECONDS [VARIABLE=VALUE]: all programs
run() {
	local label=$1 library=$3 setting=${5:-LIBAIO_REAP=ring} status program
	for program in "$2"/*; do
		status=0
		case "$limits/$setting" in *" $(basename "$program") "*/LIBAIO_REAP=syscall) ;;
		*" $(basename "$program") "*)
			skip "$label" "$(basename "$program")" 'a known limit of reaping in user space'
			continue
			;;
		esac
		case "$not_for_threads/$setting" in *" $(basename "$program") "*/LIBAIO_ENGINE=threads)
			skip "$label" "$(basename "$program")" 'it makes AIO system calls itself'
			continue
			;;
		esac
		# The file system of the work directory is where O_DIRECT is tried.
		(cd "$here" && env "$setting" LD_LIBRARY_PATH="$library" "$program" ${4:+"$4"}) \
			>"$work/out" 2>&1 || status=$?
		sed "s|^|$label |" "$work/out" | head -n 20
		case $status in
		0) passed=$((passed + 1)) ;;
		77) skipped=$((skipped + 1)) ;;
		*)
			failed=$((failed + 1))
			echo "$label $(basename "$program"): FAILED, status $status"
			;;
		esac
	done
}

compile "$work/64" "$build"
run ring "$work/64" "$build" "$seconds"
short=1
[ -z "$seconds" ] || short=$seconds
run syscall "$work/64" "$build" "$short" LIBAIO_REAP=syscall
run threads "$work/64" "$build" "$short" LIBAIO_ENGINE=threads
if [ -e "$build/i686/libaio.so" ]; then
	compile "$work/32" "$build/i686" -m32
	run i686 "$work/32" "$build/i686" "$short"
	run threads-i686 "$work/32" "$build/i686" "$short" LIBAIO_ENGINE=threads
fi
echo "stress: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
