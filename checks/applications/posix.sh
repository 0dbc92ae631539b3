#!/usr/bin/env bash
# Real programs that use POSIX AIO, unmodified, each run on glibc and with libposixaio.so.1 preloaded: as it is, and with
# POSIXAIO_ENGINE=threads. The I/O is real, and its data is checked. Prints a row for each use of a program, and totals.
#
# usage: posix.sh BUILD [PROGRAM...]
#
# BUILD is the Makefile's build directory, a PROGRAM one of posix-rows/PROGRAM.sh (all when none is named). Logs and
# evidence stay in BUILD/posix-programs. The I/O goes to a directory below SCRATCH (/var/tmp), which should be a disk:
# some rows need O_DIRECT. LTP is a checkout of the Linux Test Project, for the row that needs one.
#
# A row passes when both our runs passed, their processes had mapped our file, the program's functions were bound to it
# and to nothing else, and what must be equal in all columns is. A row is skipped when it says why.
set -eu
export LC_ALL=C

[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$(realpath "$1")
shift
here=$(dirname "$(realpath "$0")")
# shellcheck source=checks/harness/loaded.sh
. "$here/../harness/loaded.sh"
# shellcheck source=checks/harness/bound.sh
. "$here/../harness/bound.sh"
# Seconds for one row in one column; the longest take about twenty.
limit=180
unset POSIXAIO_ENGINE

[ $# != 0 ] || { cd "$here/posix-rows" && set -- *.sh; }
logs=$build/posix-programs
mkdir -p "$logs"
# What rows compile, they compile once.
export compiled=$logs/compiled
rm -rf "$compiled"
mkdir "$compiled"
scratch=$(mktemp -d "${SCRATCH:-/var/tmp}/posixaio-programs.XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT
chmod 755 "$scratch"

# Copies, so that the path says which library it is.
mkdir "$scratch/ours"
[ -e "$build/libposixaio.so.1" ] || { echo "$0: there is no $build/libposixaio.so.1: run make posix" >&2; exit 1; }
cp -d "$build"/libposixaio.so.1* "$build"/libaio.so.1* "$scratch/ours"
library=$scratch/ours/libposixaio.so.1
file=$(realpath "$library")
kernel=yes
[ ! -x "$build/has-aio" ] || "$build/has-aio" >/dev/null || kernel=

# setting NAME PROGRAM: a line NAME='...' of a program's file.
setting() { sed -n "s/^$1='\(.*\)'$/\1/p" "$here/posix-rows/$2.sh"; }

# proven EVIDENCE COLUMN: whether the functions were those of the column and no others. Prints what was seen.
proven() {
	local to mapped
	to=$(bound "$1"/ld.*)
	if [ "$2" = glibc ]; then
		[[ $to == */libc.so.6 ]] && ! grep -q 'libposixaio' "$1"/ld.* && echo bound && return
		echo "bound to '$to', not to glibc"
		return 1
	fi
	mapped=$(cat "$1"/maps.* 2>/dev/null | sed -n 's/.* \(\/.*libposixaio.*\)/\1/p' | sort -u)
	if [ "$to" != "$library" ] || [ "$mapped" != "$file" ]; then
		echo "bound to '$to', mapped '$mapped'"
		return 1
	fi
	to=$(loaded "$1"/ld.*)
	if [ "$to" != "$scratch/ours/libaio.so.1" ]; then
		echo "it got '$to' as libaio"
		return 1
	fi
	if grep -qF '/[aio]' "$1"/maps.*; then
		echo 'bound, maps, ring'
	elif [ -e "$1/kernel-aio" ] && [ "$2" = auto ] && [ -n "$kernel" ]; then
		echo 'no context was seen in it'
		return 1
	else
		echo 'bound, maps'
	fi
}

# run PROGRAM ROW COLUMN: sets $status to pass, FAIL or skip, $result and $proof.
run() {
	local code=0 began=$EPOCHREALTIME name=$1.$2.$3 preload=$library evidence=$scratch/evidence engine=$3
	rm -rf "${logs:?}/$name"
	mkdir -p "$scratch/work" "$logs/$name"
	mkdir "$evidence"
	[ "$3" != glibc ] || preload='' engine=auto
	(cd "$scratch/work" && POSIXAIO_ENGINE=$engine exec timeout --kill-after=10 $limit "$here/posix-row.sh" "$1" "$2" "$preload" "$evidence") \
		>"$logs/$name/log" 2>&1 </dev/null || code=$?
	result=$(cat "$evidence/result" 2>/dev/null) || result=
	proof=
	case $code in
	0)
		status=pass
		if ! proof=$(proven "$evidence" "$3"); then
			status=FAIL result=$proof
		elif [ -z "$result" ]; then
			status=FAIL result='the row found nothing'
		fi
		;;
	77) status=skip ;;
	124 | 137) status=FAIL result="not done in $limit s" ;;
	*) status=FAIL result="exit status $code" ;;
	esac
	took=$(((${EPOCHREALTIME/./} - ${began/./}) / 100000))
	took=$((took / 10)).$((took % 10))
	cp -r "$evidence/." "$logs/$name"
	rm -rf --one-file-system "$evidence" "$scratch/work"
}

format='%-10s %-10s %-20s %-60s %-60s %-60s %-4s %s\n'
# shellcheck disable=SC2059 # the format is a constant
row() { printf "$format" "$@"; }
began=$SECONDS
passed=0 failed=0 skipped=0
row program row version glibc libposixaio 'its threads' '' 'seen in our processes'
for program; do
	program=${program%.sh}
	[ -e "$here/posix-rows/$program.sh" ] || { echo "$0: there is no posix-rows/$program.sh" >&2; exit 2; }
	package=$(setting packages "$program")
	package=${package%% *}
	version=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null) ||
		{ echo "$0: $package is not installed: run ./install-tools.sh posix-programs" >&2; exit 1; }
	# Of what is no package another command says it.
	command=$(setting version_of "$program")
	[ -z "$command" ] || version=$(cd "$here" && bash -c "$command" 2>/dev/null) || version=-
	for name in $(setting rows "$program"); do
		texts=() statuses=() verdict=PASS reason=
		for column in glibc auto threads; do
			run "$program" "$name" $column
			statuses+=("$status")
			if [ $status = skip ]; then texts+=(skip); else texts+=("$status $took s: $result"); fi
			[ $column != auto ] || reason=$proof
			[ $column != glibc ] || continue
			if [ $status = FAIL ] || [ $status = skip ] && [ "${statuses[0]}" != skip ]; then
				verdict=FAIL reason="see $logs/$program.$name.$column/log"
			elif [ "${statuses[0]}" = pass ] &&
				! diff "$logs/$program.$name.glibc/same" "$logs/$program.$name.$column/same" >"$logs/$program.$name.$column/differences"; then
				verdict=FAIL reason="other results than on glibc: see $logs/$program.$name.$column/differences"
			fi
			[ $verdict != FAIL ] || break
		done
		[ "${#texts[@]}" = 3 ] || texts+=('not tried')
		if [ $verdict = PASS ] && [ "${statuses[0]}" = skip ]; then
			verdict=SKIP reason=$result
		elif [ "${statuses[0]}" = FAIL ]; then
			reason="$reason; NOT SO ON GLIBC: see $logs/$program.$name.glibc/log"
		fi
		case $verdict in
		PASS) passed=$((passed + 1)) ;;
		FAIL) failed=$((failed + 1)) ;;
		SKIP) skipped=$((skipped + 1)) ;;
		esac
		row "$program" "$name" "$version" "${texts[@]}" $verdict "$reason"
	done
done
echo "POSIX programs: $passed passed, $failed failed, $skipped skipped, in $((SECONDS - began)) s"
[ $failed = 0 ] && [ $passed != 0 ]
