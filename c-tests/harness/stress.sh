#!/usr/bin/env bash
# Runs programs of stress one after another. To be sourced, with set: $here, the folder of the programs; $project; $suite, the
# name in the totals; and $options, a list: what programs are linked with, in which DIRECTORY becomes where the library is.
# shellcheck disable=SC2154 # the caller's
build=$(realpath "${BUILD:-$project/build}")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck disable=SC2034 # for the functions
skips=$build/skipped
unset POSIXAIO_ENGINE POSIXAIO_THREADS SOLARISAIO_ENGINE SOLARISAIO_THREADS LIBRARY LD_PRELOAD
# On a disk: O_DIRECT is tried there.
work=$(mktemp -d -p "$build" stress-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/64" "$work/32"

# seeds_of quick|long: a seed that is always the same, or three others, from SEED if it is set
# shellcheck disable=SC2034 # for the caller
seeds_of() {
	case $1 in
	quick) seeds=1 ;;
	long)
		local first=${SEED:-$(date +%s)}
		seeds=$(seq "$first" $((first + 2)))
		;;
	*) echo "$0: quick or long?" >&2 && exit 2 ;;
	esac
}

# enter LABEL: sets $width and $directory, where the library is; 1 if this compiler makes no such programs
enter() {
	width=64 directory=$build
	case $1 in *-i686) width=32 directory=$build/i686 ;; esac
	if [ $width = 32 ] && ! echo 'int main(void) { return 0; }' | ${CC:-cc} -m32 -x c -o "$work/narrow" - 2>/dev/null; then
		skip "$1" 'the compiler makes no 32-bit programs'
		return 1
	fi
}

# one LABEL PROGRAM ARGUMENT...: with the settings in the list `settings`
one() {
	local label=$1 name=$2 status=0
	local linked=("${options[@]//DIRECTORY/$directory}")
	shift 2
	[ -e "$work/$width/$name" ] ||
		(cd "$here" && compile "$work/$width/$name" -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 "-m$width" "$name.c" ${linked[@]+"${linked[@]}"} -ldl)
	(cd "$work" && timeout -k 5 600 env TMPDIR="$work" "${settings[@]}" "$work/$width/$name" "$@" 2>&1) \
		>"$work/out" 2>"$work/shell" || status=$?
	[ $status != 0 ] || printf '%-13s %-10s %s\n' "$label" "$name" "$(tail -n 1 "$work/out")"
	judge "$label $name $*" $status "$work/out"
}
