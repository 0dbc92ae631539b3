#!/usr/bin/env bash
# Runs the conformance suite on the C library (the referee) and on ours, 64-bit and 32-bit, and prints
# a table: for each section of docs/kernel-aio.md how many checks hold.
#
# usage: run.sh ORIGINAL COLUMN...
#
# ORIGINAL is what checks/original/obtain.sh made. A COLUMN is referee, the C library; ring, ours; syscall, ours with
# LIBAIO_REAP=syscall; spin, ours with LIBAIO_SPIN=10000; threads, ours with LIBAIO_ENGINE=threads; async, ours with
# LIBAIO_SUBMIT=async; and the same with -i686. Where the kernel refuses AIO only threads can run. The environment says BUILD: the
# Makefile's build directory. O_DIRECT is tried there.
set -eu

[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
build=$(realpath "${BUILD:-$project/build}")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck disable=SC2034 # for the functions
suite=conformance skips=$build/skipped
original=$(realpath "$1")
shift
work=$(mktemp -d -p "$build" conformance-XXXXXX)
trap 'rm -rf "$work"' EXIT
status=0
columns=()

# run COLUMN PROGRAM LIBRARY [VARIABLE=VALUE or OPTION...]
run() {
	local column=$1 program=$2 library=$3 settings=() options=() word
	shift 3
	for word in "$@"; do
		case $word in -*) options+=("$word") ;; *) settings+=("$word") ;; esac
	done
	columns+=("$column")
	(cd "$here" && env -u LIBAIO_REAP -u LIBAIO_SPIN -u LIBAIO_ENGINE -u LIBAIO_SUBMIT "${settings[@]}" TMPDIR="$work" \
		LD_LIBRARY_PATH="$library" "$work/$program" "${options[@]}" -t "$work/totals.$column") \
		>"$work/out" 2>&1 || status=1
	# A line for each check that tells something, and none that only counts.
	grep -v -e '^section' -e '^all:' "$work/out" | sed "s/^/$column: /" || true
	sed -n "s/^skip /conformance: /p" "$work/out" >>"$build/skipped"
	if ! [ -s "$work/totals.$column" ]; then
		echo "$column: did not come to its end"
		status=1
	fi
}

c_library=$original/amd64/usr/lib/x86_64-linux-gnu
[ -e "$c_library/libaio.so.1" ] || { echo "$0: there is no $c_library/libaio.so.1" >&2; exit 2; }
refused=$("$build/has-aio") || true
case " $* " in *-i686\ *) compile_conformance "$work/32" -m32 -L"$build/i686" -laio ;; esac
compile_conformance "$work/64" -L"$build" -laio
for column; do
	program=64 library=$build c_library=$original/amd64/usr/lib/x86_64-linux-gnu
	case $column in *-i686)
		program=32 library=$build/i686 c_library=$original/i386/usr/lib/i386-linux-gnu
		;;
	esac
	case $refused/${column%-i686} in
	*/referee)
		if ! [ -e "$c_library/libaio.so.1" ]; then
			skip "$column" 'the C library for it could not be downloaded'
		elif [ -n "$refused" ]; then
			skip "$column" "io_setup answers $refused here"
		else
			referee=-r
			[ ! -e "$c_library/libaio.so.1t64" ] || referee=-R
			run "$column" $program "$c_library" $referee
		fi
		;;
	*/threads) run "$column" $program "$library" LIBAIO_ENGINE=threads ;;
	*/async) run "$column" $program "$library" LIBAIO_SUBMIT=async ;;
	?*/*) skip "$column" "io_setup answers $refused here" ;;
	/ring) run "$column" $program "$library" ;;
	/syscall) run "$column" $program "$library" LIBAIO_REAP=syscall ;;
	# As long as it may be: what comes during a wait comes while a thread looks.
	/spin) run "$column" $program "$library" LIBAIO_SPIN=10000 ;;
	*) echo "$0: there is no column $column" >&2 && exit 2 ;;
	esac
done

# Sections down, libraries across: checks that hold, of all.
for column in "${columns[@]}"; do
	if [ -e "$work/totals.$column" ]; then sed "s/^/$column /" "$work/totals.$column"; fi
done | sort -k2,2V >"$work/totals"
awk -v columns="${columns[*]}" '
	{ cell[$2, $1] = $3 - $4 - $5 "/" $3; all[$1] += $3; hold[$1] += $3 - $4 - $5
	  failed[$1] += $4; differ[$1] += $5; skipped[$1] += $6
	  if (!seen[$2]++) section[++sections] = $2 }
	function line(first, values,    i) {
		printf "%-26s", first
		for (i = 1; i <= n; i++) printf " %13s", (name[i] in values) ? values[name[i]] : 0
		print ""
	}
	END {
		n = split(columns, name, " ")
		printf "%-26s", "section"
		for (i = 1; i <= n; i++) printf " %13s", name[i]
		print ""
		for (i = 1; i <= sections; i++) {
			delete row
			for (j = 1; j <= n; j++) row[name[j]] = cell[section[i], name[j]]
			line(section[i], row)
		}
		for (j = 1; j <= n; j++) row[name[j]] = hold[name[j]] "/" all[name[j]]
		line("all", row)
		line("failed", failed)
		line("may differ, and do", differ)
		line("skipped", skipped)
		for (j = 1; j <= n; j++) {
			if (name[j] ~ /^referee/) continue
			ours += hold[name[j]]; bad += failed[name[j]]; left += skipped[name[j]]
		}
		print "conformance: " ours + 0 " passed, " bad + 0 " failed, " left + 0 " skipped"
	}' "$work/totals" || status=1
exit "$status"
