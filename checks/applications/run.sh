#!/usr/bin/env bash
# The program matrix: real programs of Debian, each run on the C library and on ours with the same real
# I/O, the outcome checked. Prints a row for each use of a program, and totals.
#
# usage: run.sh BUILD ORIGINAL [PROGRAM...]
#
# BUILD is the Makefile's build directory, ORIGINAL what checks/original/obtain.sh filled, a PROGRAM one of
# rows/PROGRAM.sh (all when none is named). Logs and evidence stay in BUILD/programs. The I/O goes to a
# directory below SCRATCH (/var/tmp), which should be a disk: some rows need O_DIRECT.
#
# The environment reaches the programs, LIBAIO_REAP and LIBAIO_ENGINE too.
#
# A row passes when our run passed, its process had mapped our file and no other libaio, and what must
# be equal on both libraries is. A row is skipped when it says why.
set -eu
export LC_ALL=C

[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$(realpath "$1")
original=$(realpath "$2")
shift 2
here=$(dirname "$(realpath "$0")")
# shellcheck source=checks/harness/apt.sh
. "$here/../harness/apt.sh"
# shellcheck source=checks/harness/loaded.sh
. "$here/../harness/loaded.sh"
# Seconds for one row on one library; the longest take about twenty.
limit=180

[ $# != 0 ] || { cd "$here/rows" && set -- *.sh; }
logs=$build/programs apt=$build/apt
mkdir -p "$logs/packages"
scratch=$(mktemp -d "${SCRATCH:-/var/tmp}/libaio-programs.XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT
# Unprivileged programs go in too.
chmod 755 "$scratch"

# Copies, so that every user can read them, and the path says which library it is.
mkdir "$scratch/C" "$scratch/ours"
cp -d "$original"/amd64/usr/lib/x86_64-linux-gnu/libaio.so.1* "$scratch/C"
cp -d "$build"/libaio.so.1* "$scratch/ours"
! cmp -s "$scratch/C/libaio.so.1" "$scratch/ours/libaio.so.1" || { echo "$0: the two libraries are one" >&2; exit 1; }

# setting NAME PROGRAM: a line NAME='...' of a program's file.
setting() { sed -n "s/^$1='\(.*\)'$/\1/p" "$here/rows/$2.sh"; }

# obtain PROGRAM: unpacks what is not to be installed; sets $version.
obtain() {
	local package
	package=$(setting unpacked "$1")
	if [ -z "$package" ]; then
		package=$(setting packages "$1")
		version=$(dpkg-query -W -f '${Version}' "${package%% *}" 2>/dev/null) ||
			{ echo "$0: ${package%% *} is not installed: run ./install-tools.sh programs" >&2; exit 1; }
		return
	fi
	cd "$logs/packages"
	if [ ! -e "$package.complete" ]; then
		rm -rf "$package" "$package"_*.deb
		get_today download "$package:amd64"
		dpkg-deb --extract "$package"_*.deb "$package"
		touch "$package.complete"
	fi
	version=$(dpkg-deb --field "$package"_*.deb Version)
}

# mapped EVIDENCE LIBRARY: whether that library's file, and no other libaio, was mapped, in what the
# dynamic linker wrote and what was seen in the running processes. Prints what was seen of them.
mapped() {
	local got maps
	got=$(loaded "$1"/ld.*)
	maps=$(cat "$1"/maps.* 2>/dev/null | sed -n 's/.* \(\/.*libaio\.so.*\)/\1/p' | sort -u)
	if [ "$got" != "$2/libaio.so.1" ] || [ "$maps" != "$2/libaio.so.1.0.2" ]; then
		echo "mapped: '$maps', loaded: '$got'"
		return 1
	fi
	# Only the kernel's contexts have such a ring.
	if grep -qF '/[aio]' "$1"/maps.*; then
		echo 'maps, ring'
	elif [ -e "$1/no-context" ]; then
		echo 'maps'
	else
		case ${LIBAIO_ENGINE-} in
		'' | auto | kernel) echo 'no context was seen in it'; return 1 ;;
		*) echo 'maps' ;;
		esac
	fi
}

# run PROGRAM ROW LIBRARY: sets $status to pass, FAIL or skip, $result and $proof.
run() {
	local code=0 began=$EPOCHREALTIME name=$1.$2.$3
	rm -rf "${logs:?}/$name"
	mkdir -p "$scratch/work" "$logs/$name"
	evidence=$scratch/evidence
	# Programs without privileges write to it as well.
	mkdir -m 1777 "$evidence"
	chmod 1777 "$scratch/work"
	(cd "$scratch/work" && exec timeout --kill-after=10 $limit "$here/row.sh" "$1" "$2" "$scratch/$3" "$evidence" "$logs/packages") \
		>"$logs/$name/log" 2>&1 </dev/null || code=$?
	result=$(cat "$evidence/result" 2>/dev/null) || result=
	proof=
	case $code in
	0)
		status=pass
		if ! proof=$(mapped "$evidence" "$scratch/$3"); then
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

format='%-17s %-10s %-22s %-47s %-47s %-4s %s\n'
# shellcheck disable=SC2059 # the format is a constant
row() { printf "$format" "$@"; }
began=$SECONDS
passed=0 failed=0 skipped=0
row program row version 'C library' libaio-rs '' 'seen in our process'
for program; do
	program=${program%.sh}
	[ -e "$here/rows/$program.sh" ] || { echo "$0: there is no rows/$program.sh" >&2; exit 2; }
	obtain "$program"
	for name in $(setting rows "$program"); do
		run "$program" "$name" C
		c_status=$status c_text="$status $took s: $result"
		run "$program" "$name" ours
		verdict=PASS reason=$proof
		if [ $status = skip ] && [ "$c_status" = skip ]; then
			verdict=SKIP reason=$result
			c_text=skip
			skipped=$((skipped + 1))
		elif [ $status != pass ]; then
			verdict=FAIL reason="see $logs/$program.$name.ours/log"
		elif [ "$c_status" = pass ] && ! diff "$logs/$program.$name.C/same" "$logs/$program.$name.ours/same" >"$logs/$program.$name.ours/differences"; then
			verdict=FAIL reason="other results than on the C library: see $logs/$program.$name.ours/differences"
		elif [ "$c_status" != pass ]; then
			reason="$reason; NOT SO ON THE C LIBRARY: see $logs/$program.$name.C/log"
		fi
		case $verdict in
		PASS) passed=$((passed + 1)) ;;
		FAIL) failed=$((failed + 1)) ;;
		esac
		row "$program" "$name" "$version" "$c_text" "$([ $verdict = SKIP ] && echo skip || echo "$status $took s: $result")" $verdict "$reason"
	done
done
echo "programs: $passed passed, $failed failed, $skipped skipped, in $((SECONDS - began)) s"
[ $failed = 0 ] && [ $passed != 0 ]
