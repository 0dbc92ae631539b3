#!/usr/bin/env bash
# Runs programs of faults, beside each other, most of which sleep. To be sourced, with set: $here, the folder of the programs;
# $project; $suite, the name in the totals; $library, the file in the build directory, which must be there; and $options, a
# list: what programs are linked with, in which DIRECTORY becomes where that is.
#
# The caller defines run_of LABEL PROGRAM DIRECTORY and verdict_of LABEL PROGRAM, and calls run_all LABEL... [-- PROGRAM...].
# The second line of a program may have a word, and a reason behind a comma: /* glibc: wrong, WHY */
# shellcheck disable=SC2154 # the caller's
build=$(realpath "${BUILD:-$project/build}")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck disable=SC2034 # for the functions
skips=$build/skipped
unset POSIXAIO_ENGINE POSIXAIO_THREADS SOLARISAIO_ENGINE SOLARISAIO_THREADS LIBRARY PATIENCE LD_PRELOAD
mkdir -p "$build"
# On a disk: O_DIRECT is tried there.
work=$(mktemp -d -p "$build" faults-XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
# Programs become other users.
chmod 755 "$work"

# word_of NAME PROGRAM, reason_of NAME PROGRAM
word_of() { sed -n "2s|^/\* $1: \([a-z]*\).*\*/$|\1|p" "$here/$2.c"; }
reason_of() { sed -n "2s|^/\* $1: [a-z]*, \(.*\) \*/$|\1|p" "$here/$2.c"; }

# try WIDTH PROGRAM RESULT DIRECTORY [VARIABLE=VALUE...]: its messages and its status, in files that begin with RESULT
try() {
	local width=$1 name=$2 result=$3 status=0
	local linked=("${options[@]//DIRECTORY/$4}")
	shift 4
	# Messages name the files without a directory.
	[ -e "$work/$width/$name" ] ||
		(cd "$here" && compile "$work/$width/$name" -D_GNU_SOURCE "-m$width" "$name.c" ${linked[@]+"${linked[@]}"} -ldl) >"$result.out" 2>&1 ||
		status=1
	mkdir -m 777 "$result.files"
	if [ $status = 0 ]; then
		(cd "$result.files" && timeout -k 5 170 env TMPDIR="$result.files" "$@" "$work/$width/$name" 2>&1) \
			>"$result.out" 2>"$result.shell" || status=$?
	fi
	rm -rf --one-file-system "$result.files"
	echo $status >"$result.status"
}

# result_of LABEL PROGRAM: its last line, behind its name
result_of() {
	local label=$1 name=$2 at=$work/$1/$2 status
	status=$(cat "$at.status")
	verdict_of "$label" "$name"
	[ "$status" != 0 ] || printf '%-13s %-18s %s\n' "$label" "$name" "$(tail -n 1 "$at.out")"
	judge "$label $name" "$status" "$at.out"
}

run_all() {
	local labels=() label name width directory begun=() answer variables
	while [ $# != 0 ] && [ "$1" != -- ]; do
		labels+=("$1")
		shift
	done
	[ $# = 0 ] || shift
	[ $# != 0 ] || {
		for source in "$here"/*.c; do set -- "$@" "$(basename "$source" .c)"; done
	}
	mkdir "$work/64" "$work/32"
	for label in "${labels[@]}"; do
		width=64 directory=$build
		case $label in *-i686) width=32 directory=$build/i686 ;; esac
		if [ $width = 32 ] && ! echo 'int main(void) { return 0; }' | ${CC:-cc} -m32 -x c -o "$work/narrow" - 2>/dev/null; then
			skip "$label" 'the compiler makes no 32-bit programs'
			continue
		fi
		for name; do
			variables=() answer=0
			run_of "$label" "$name" "$directory" || answer=$?
			[ $answer != 1 ] || continue
			[ $answer = 0 ] || { echo "$0: there is no run $label, or $name does not say what it needs" >&2; exit 2; }
			[[ " ${variables[*]-}" != *LIBRARY=* ]] || [ -e "$directory/$library" ] ||
				{ echo "$0: there is no $directory/$library" >&2; exit 1; }
			while [ "$(jobs -r | wc -l)" -ge 6 ]; do wait -n || true; done
			begun+=("$label/$name")
			mkdir -p "$work/$label"
			try $width "$name" "$work/$label/$name" "$directory" ${variables[@]+"${variables[@]}"} &
		done
		# The next label's programs may be the same.
		wait
	done
	for name in ${begun[@]+"${begun[@]}"}; do result_of "${name%/*}" "${name#*/}"; done
	totals "$suite"
}
