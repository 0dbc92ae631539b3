#!/usr/bin/env bash
# Runs the stress programs on our library.
#
# usage: run.sh SECONDS_PER_PROGRAM LABEL...
#
# A LABEL is ring, the library as it is; spin, with LIBAIO_SPIN=50; syscall, with LIBAIO_REAP=syscall; threads, with
# LIBAIO_ENGINE=threads; async, with LIBAIO_SUBMIT=async; i686, spin-i686 and threads-i686. Without seconds ('') ring runs as long as
# each program says, and the others a second. Where the kernel refuses AIO only threads and async can run.
# The environment says BUILD: the Makefile's build directory.
set -eu

[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
build=$(realpath "${BUILD:-$project/build}")
seconds=$1
shift
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck disable=SC2034 # for the functions
suite=stress skips=$build/skipped
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build_all DIRECTORY LIBRARY [OPTION...]
build_all() {
	local to=$1 library=$2 source
	shift 2
	mkdir -p "$to"
	for source in "$here"/*.c; do
		compile "$to/$(basename "$source" .c)" "$source" "$@" -L"$library" -laio
	done
}

# run LABEL PROGRAMS LIBRARY SECONDS [VARIABLE=VALUE]: all programs. Those that go step by step have one thread, which mostly
# waits for io_destroy: they run beside each other and the rest.
run() {
	local label=$1 library=$3 setting=${5:-LIBAIO_REAP=ring} program name lack has='ours shared kernel-aio' steps=() others=()
	case $setting in LIBAIO_ENGINE=threads | LIBAIO_SUBMIT=async) has='ours shared' ;; esac
	for program in "$2"/*; do
		name=$(basename "$program")
		# shellcheck disable=SC2086 # words
		lack=$(lacks "$here/$name.c" $has)
		if [ -n "$lack" ]; then
			skip "$label $name" "$lack"
			continue
		fi
		case $seconds/$label/$name in 1/threads/step_reap | 1/threads/step_doom | 1/async/step_reap | 1/async/step_doom)
			skip "$label $name" 'has more steps than make check has time for: make check-long'
			continue
			;;
		esac
		case $name in step_*) steps+=("$program") ;; *) others+=("$program") ;; esac
	done
	for program in ${steps[@]+"${steps[@]}"}; do
		run_one "$program" "$4" &
	done
	for program in "${others[@]}"; do
		run_one "$program" "$4"
	done
	wait
	for program in "${others[@]}" ${steps[@]+"${steps[@]}"}; do
		name=$(basename "$program")
		status=$(cat "$work/$name.status")
		[ "$status" != 0 ] || sed "s|^|$label |" "$work/$name.out"
		judge "$label $name" "$status" "$work/$name.out"
	done
}

# run_one PROGRAM SECONDS: its messages and its status, in files; with the $setting and $library of run
run_one() {
	local at=$work/${1##*/} status=0
	# The file system of the work directory is where O_DIRECT is tried.
	(cd "$here" && env "$setting" LD_LIBRARY_PATH="$library" "$1" ${2:+"$2"}) >"$at.out" 2>&1 || status=$?
	echo $status >"$at.status"
}

build_all "$work/64" "$build"
case " $* " in *i686*) build_all "$work/32" "$build/i686" -m32 ;; esac
refused=$("$build/has-aio") || true
short=${seconds:-1}
for label; do
	case $refused/$label in
	*/threads) run threads "$work/64" "$build" "$short" LIBAIO_ENGINE=threads ;;
	*/async) run async "$work/64" "$build" "$short" LIBAIO_SUBMIT=async ;;
	*/threads-i686) run threads-i686 "$work/32" "$build/i686" "$short" LIBAIO_ENGINE=threads ;;
	?*/*) skip "$label" "io_setup answers $refused here" ;;
	/ring) run ring "$work/64" "$build" "$seconds" ;;
	/spin) run spin "$work/64" "$build" "$short" LIBAIO_SPIN=50 ;;
	/spin-i686) run spin-i686 "$work/32" "$build/i686" "$short" LIBAIO_SPIN=50 ;;
	/syscall) run syscall "$work/64" "$build" "$short" LIBAIO_REAP=syscall ;;
	/i686) run i686 "$work/32" "$build/i686" "$short" ;;
	*) echo "$0: there is no run $label" >&2 && exit 2 ;;
	esac
done
totals stress
