#!/usr/bin/env bash
# Runs the programs of a suite of POSIX AIO on glibc, in a column, and on libposixaio.so.1, preloaded, in columns of its
# own, and compares program by program: a verdict may be better than glibc's, and is never to be worse. To be sourced.
#
# The caller sets $suite, $build, $work, a directory, and $library, or an empty one for glibc's column alone; then it
# calls, in this order:
#   begin [LEFT-OPEN]              columns: glibc, and with a library auto and threads. LEFT-OPEN is a file with a line for
#                                  each program whose verdict decides nothing, because of time or for what POSIX leaves
#                                  open: its name, "ends:", or "any:" where it need not even end, and why
#   program NAME COMPILE...        compiles one, to $work/programs/NAME; the name is put after -o
#   run_all SECONDS                at most so long for each
#   compare LEAST                  the table and the totals; glibc has to pass LEAST of them
# Exit statuses are those of the open POSIX test suite, and 77, as everywhere here.
# shellcheck disable=SC2154 # the caller's
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck source=checks/harness/bound.sh
. "$project/checks/harness/bound.sh"
# Another library's build directory is not where skips are counted.
# shellcheck disable=SC2034 # for the functions
skips=${SKIPS:-$build/skipped}

begin() {
	left_open=${1-/dev/null}
	columns='glibc'
	if [ -n "$library" ]; then
		[ -e "$library" ] || { echo "$0: there is no $library: run make posix" >&2; exit 1; }
		library=$(realpath "$(dirname "$library")")/$(basename "$library")
		columns='glibc auto threads'
	fi
	rm -rf "$work/programs" "$work/logs" "$work/results"
	mkdir -p "$work/programs" "$work/logs" "$work/results"
	programs=()
}

# Compiles are queued, and run on all processors by run_all.
program() {
	programs+=("$1")
	printf '%q ' "${@:2}" -o "$work/programs/$1" >>"$work/programs/commands"
	printf '>%q 2>&1 || { cat %q; exit 255; }\0' "$work/logs/$1.compile" "$work/logs/$1.compile" >>"$work/programs/commands"
}

# left_open_of PROGRAM: what its line says
left_open_of() { sed -n "s/^$1  *//p" "$left_open"; }

# run COLUMN PROGRAM: leaves its exit status
run() {
	local status=0 seconds=$seconds
	# Nobody waits for what need not end.
	[[ $(left_open_of "$2") != any:* ]] || seconds=5
	case $1 in
	glibc) (cd /tmp && timeout --kill-after=5 "$seconds" "$work/programs/$2") ;;
	*)
		(cd /tmp && timeout --kill-after=5 "$seconds" env LD_PRELOAD="$library" LD_LIBRARY_PATH="${library%/*}" POSIXAIO_ENGINE="$1" \
			"$work/programs/$2")
		;;
	esac >"$work/logs/$1.$2" 2>&1 </dev/null || status=$?
	echo $status >"$work/results/$1.$2"
}

run_all() {
	local each column lane lanes pairs=() index
	seconds=$1
	[ ${#programs[@]} != 0 ] || { echo "$suite: there are no programs" >&2; exit 1; }
	xargs -0 -n 1 -P "$(nproc)" sh -c <"$work/programs/commands" >&2 ||
		{ echo "$suite: a program cannot be compiled" >&2; exit 1; }
	for each in "${programs[@]}"; do
		for column in $columns; do pairs+=("$column" "$each"); done
		[ -n "$library" ] || continue
		# No program may pass on glibc under another name.
		case $(would_bind "$work/programs/$each" "$library") in
		"$library") ;;
		'') [ -z "$(would_bind "$work/programs/$each")" ] || { echo "$each: binds nothing with $library" >&2; exit 1; } ;;
		*) echo "$each: is not bound to $library" >&2 && exit 1 ;;
		esac
	done
	lanes=$(nproc)
	for lane in $(seq 0 $((lanes - 1))); do
		for ((index = 2 * lane; index < ${#pairs[@]}; index += 2 * lanes)); do
			run "${pairs[index]}" "${pairs[index + 1]}"
		done &
	done
	wait
}

# verdict STATUS: sets $verdict, the word, and $rank, the better the higher
verdict() {
	case $1 in
	0) verdict=pass rank=3 ;;
	1) verdict=fail rank=1 ;;
	2) verdict=unresolved rank=2 ;;
	4 | 77) verdict=unsupported rank=2 ;;
	5) verdict=untested rank=2 ;;
	124 | 137) verdict='no end' rank=0 ;;
	'') verdict=none rank=-1 ;;
	*) verdict="died, $1" rank=0 ;;
	esac
}

compare() {
	local each column referee rank verdict open line worse=() words passes least=$1 own=0
	local -A count=()
	printf '%-22s' program
	# shellcheck disable=SC2086 # words
	printf ' %-12s' $columns
	echo
	for each in "${programs[@]}"; do
		printf '%-22s' "$each"
		open=$(left_open_of "$each")
		for column in $columns; do
			verdict "$(cat "$work/results/$column.$each" 2>/dev/null)"
			count[$column/${verdict%,*}]=$((${count[$column/${verdict%,*}]-0} + 1))
			printf ' %-12s' "$verdict"
			if [ "$column" = glibc ]; then
				referee=$rank
				continue
			fi
			if [ "$rank" = 3 ]; then
				passed=$((passed + 1))
			elif [[ $open == any:* && $rank -ge 0 || $open == ends:* && $rank -gt 0 ]]; then
				own=$((own + 1))
			elif [ "$rank" -lt "$referee" ] || [ "$rank" -lt 0 ]; then
				failed=$((failed + 1))
				worse+=("$column.$each")
			else
				own=$((own + 1))
			fi
		done
		[ -z "$open" ] || printf ' decides nothing: %s' "${open#*: }"
		echo
	done
	for column in $columns; do
		line=
		for words in pass fail unresolved unsupported untested died 'no end' none; do
			[ -z "${count[$column/$words]-}" ] || line="$line, ${count[$column/$words]} $words"
		done
		echo "$suite, $column: ${#programs[@]} programs$line"
	done
	for each in "${worse[@]}"; do
		echo "FAIL: $suite, ${each#*.} in column ${each%%.*} is worse than on glibc:" >&2
		tail -n 5 "$work/logs/$each" >&2
	done
	passes=${count[glibc/pass]-0}
	if [ "$passes" -lt "$least" ]; then
		echo "FAIL: $suite: glibc passes $passes programs here, and not at least $least: something is missing" >&2
		failed=$((failed + 1))
	fi
	if [ -z "$library" ]; then
		passed=$passes
	elif [ $own != 0 ]; then
		skip "$own verdicts" 'none on glibc either, or left open by POSIX'
	fi
	totals "$suite" && [ "$passed" != 0 ]
}
