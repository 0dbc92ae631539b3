#!/usr/bin/env bash
# Runs the stress programs on our library.
#
# usage: run.sh SECONDS_PER_PROGRAM LABEL...
#
# A LABEL is ring, the library as it is; syscall, with LIBAIO_REAP=syscall; threads, with LIBAIO_ENGINE=threads;
# i686 and threads-i686. Without seconds ('') ring runs as long as each program says, and the others a second.
# Where the kernel refuses AIO only threads can run.
# The environment says BUILD: the Makefile's build directory. Programs named NAME.ours.c crash the C library.
set -u

here=$(realpath "$(dirname "$0")")
build=$(realpath "${BUILD:-$here/../../build}")
[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
seconds=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

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
	local label=$1 library=$3 setting=${5:-LIBAIO_REAP=ring} status program needs
	for program in "$2"/*; do
		status=0
		needs=$(sed -n '2s|^/\* needs: \(.*\) \*/$|\1|p' "$here/$(basename "$program").c")
		case "$needs/$setting" in *kernel-aio*/LIBAIO_ENGINE=threads)
			skip "$label" "$(basename "$program")" 'needs kernel AIO'
			continue
			;;
		esac
		# The file system of the work directory is where O_DIRECT is tried.
		(cd "$here" && env "$setting" LD_LIBRARY_PATH="$library" "$program" ${4:+"$4"}) \
			>"$work/out" 2>&1 || status=$?
		sed "s|^|$label |" "$work/out" | head -n 20
		case $status in
		0) passed=$((passed + 1)) ;;
		77) skip "$label" "$(basename "$program")" "$(sed -n 's/^skip: //p' "$work/out" | head -n 1)" ;;
		*)
			failed=$((failed + 1))
			echo "$label $(basename "$program"): FAILED, status $status"
			;;
		esac
	done
}

compile "$work/64" "$build"
case " $* " in *i686*) compile "$work/32" "$build/i686" -m32 ;; esac
refused=$("$build/has-aio") || true
short=${seconds:-1}
for label; do
	case $refused/$label in
	*/threads) run threads "$work/64" "$build" "$short" LIBAIO_ENGINE=threads ;;
	*/threads-i686) run threads-i686 "$work/32" "$build/i686" "$short" LIBAIO_ENGINE=threads ;;
	?*/*) skip "$label" 'all programs' "io_setup answers $refused here" ;;
	/ring) run ring "$work/64" "$build" "$seconds" ;;
	/syscall) run syscall "$work/64" "$build" "$short" LIBAIO_REAP=syscall ;;
	/i686) run i686 "$work/32" "$build/i686" "$short" ;;
	*) echo "$0: there is no run $label" >&2 && exit 2 ;;
	esac
done
echo "stress: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
