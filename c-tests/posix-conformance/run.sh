#!/usr/bin/env bash
# Runs the conformance suite of POSIX AIO on glibc (the referee) and on our library, and prints a table: for each subject how
# many facts hold, and beneath it the facts in which columns differ.
#
# usage: BUILD=build ORIGINAL=build/original run.sh COLUMN... [-- OPTION or SUBJECT or part of a title...]
#
# A COLUMN is glibc; preload, libposixaio.so.1 under the program that was linked with glibc; threads, the same with
# POSIXAIO_ENGINE=threads; handed-over, the same with POSIXAIO_ENGINE=glibc, which is judged as glibc is; c-libaio, the same
# on the C library of ORIGINAL, which checks/original/obtain.sh made; self-contained, libposixaio-preload.so; linked, a program
# that was linked with -lposixaio; archive, one with libposixaio.a and libaio.a. With -wide it is the program that was compiled
# for offsets, and on 32 bits times, of 64 bits, so that it calls the *64 functions; then -i686 is the same on 32 bits.
# BUILD is the Makefile's build directory. O_DIRECT is tried there.
set -eu

[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
build=$(realpath "${BUILD:-$project/build}")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck source=c-tests/posix-conformance/build.sh
. "$here/build.sh"
# shellcheck disable=SC2034 # for the functions
suite=posix-conformance skips=$build/skipped
original=${ORIGINAL:-$build/original}
work=$(mktemp -d -p "$build" posix-conformance-XXXXXX)
trap 'rm -rf "$work"' EXIT
status=0
names=()
arguments=()

# run NAME PROGRAM LIBRARY LIBAIO [VARIABLE=VALUE or OPTION...]
run() {
	local name=$1 program=$2 library=$3 libaio=$4 settings=() options=() word
	shift 4
	for word in "$@"; do
		case $word in -*) options+=("$word") ;; *) settings+=("$word") ;; esac
	done
	names+=("$name")
	env -u POSIXAIO_ENGINE -u POSIXAIO_THREADS -u LIBAIO_ENGINE -u LIBAIO_REAP -u LD_PRELOAD -u LD_LIBRARY_PATH \
		TMPDIR="$work" ${settings[@]+"${settings[@]}"} "$program" ${options[@]+"${options[@]}"} \
		-l "$library" -a "$libaio" -t "$work/verdicts.$name" ${arguments[@]+"${arguments[@]}"} >"$work/out" 2>&1 </dev/null || status=1
	sed "s/^/$name: /" "$work/out"
	sed -n "s/^skip /posix-conformance: /p" "$work/out" >>"$build/skipped"
	if ! grep -q '^all: ' "$work/out"; then
		echo "$name: did not come to its end"
		status=1
		: >"$work/verdicts.$name"
	fi
}

columns=()
while [ $# -gt 0 ]; do
	if [ "$1" = -- ]; then
		shift
		arguments=("$@")
		break
	fi
	columns+=("$1")
	shift
done

for name in "${columns[@]}"; do
	column=$name flags='' directory=$build bits=64 c_library=$original/amd64/usr/lib/x86_64-linux-gnu
	case $column in *-i686)
		column=${column%-i686} flags=-m32 directory=$build/i686 bits=32 c_library=$original/i386/usr/lib/i386-linux-gnu
		;;
	esac
	case $column in *-wide)
		column=${column%-wide} bits=$bits-wide flags="$flags $wide${flags:+ $wide_time}"
		;;
	esac
	if [ -n "$flags" ] && ! can_compile "$work/probe" "$flags"; then
		skip "$name" "the C compiler makes no programs for it: cc $flags"
		continue
	fi
	ours=$directory/libposixaio.so.1.0.0 libaio=$directory/libaio.so.1
	if [ "$column" != glibc ] && ! [ -e "$ours" ]; then
		echo "$name: there is no $ours: make posix builds it"
		status=1
		continue
	fi
	program=$work/$bits
	[ -e "$program" ] || [ "$column" = linked ] || [ "$column" = archive ] || compile_suite "$program" "$flags"
	case $column in
	glibc) run "$name" "$program" "$(libc_of "$program")" none -g ;;
	preload) run "$name" "$program" "$ours" "$libaio" LD_PRELOAD="$ours" LD_LIBRARY_PATH="$directory" ;;
	threads)
		run "$name" "$program" "$ours" "$libaio" LD_PRELOAD="$ours" LD_LIBRARY_PATH="$directory" POSIXAIO_ENGINE=threads
		;;
	handed-over)
		run "$name" "$program" "$ours" "$libaio" -g LD_PRELOAD="$ours" LD_LIBRARY_PATH="$directory" POSIXAIO_ENGINE=glibc
		;;
	c-libaio)
		if [ -e "$c_library/libaio.so.1" ]; then
			run "$name" "$program" "$ours" "$c_library/libaio.so.1" LD_PRELOAD="$ours" LD_LIBRARY_PATH="$c_library"
		else
			skip "$name" "the C library for it could not be downloaded"
		fi
		;;
	self-contained)
		run "$name" "$program" "$directory/libposixaio-preload.so" none LD_PRELOAD="$directory/libposixaio-preload.so"
		;;
	linked)
		compile_suite "$program-linked" "$flags -L$directory -lposixaio -Wl,-rpath-link,$directory"
		run "$name" "$program-linked" "$ours" "$libaio" LD_LIBRARY_PATH="$directory"
		;;
	archive)
		compile_suite "$program-archive" "$flags $directory/libposixaio.a $directory/libaio.a"
		run "$name" "$program-archive" '' none
		;;
	*) echo "$0: there is no column $name" >&2 && exit 2 ;;
	esac
done

# Subjects down, columns across: facts that hold, of all. Then the facts in which the columns differ.
for name in ${names[@]+"${names[@]}"}; do sed "s/^/$name|/" "$work/verdicts.$name"; done >"$work/verdicts"
awk -F'|' -v names="${names[*]-}" '
	{ fact = $2 ": " $3
	  if (!known[$2]++) subject[++subjects] = $2
	  if (!listed[fact]++) facts[++count] = fact
	  verdict[fact, $1] = $4
	  if ($4 == "skipped") { skipped[$1]++; next }
	  of[$2, $1]++; all[$1]++
	  if ($4 == "holds" || $4 == "unexpected") { hold[$2, $1]++; holds[$1]++ }
	  if ($4 == "FAIL") failed[$1]++
	  if ($4 == "expected") expected[$1]++
	  if ($4 == "unexpected") unexpected[$1]++ }
	function line(first, values,    i) {
		printf "%-22s", first
		for (i = 1; i <= n; i++) printf " %*s", width[i], (name[i] in values) ? values[name[i]] : 0
		print ""
	}
	END {
		n = split(names, name, " ")
		printf "%-22s", "subject"
		for (i = 1; i <= n; i++) {
			width[i] = length(name[i]) > 8 ? length(name[i]) : 8
			printf " %*s", width[i], name[i]
		}
		print ""
		for (s = 1; s <= subjects; s++) {
			delete row
			for (i = 1; i <= n; i++) row[name[i]] = hold[subject[s], name[i]] + 0 "/" of[subject[s], name[i]] + 0
			line(subject[s], row)
		}
		for (i = 1; i <= n; i++) row[name[i]] = holds[name[i]] + 0 "/" all[name[i]] + 0
		line("all", row)
		line("failed", failed)
		line("failed, as known", expected)
		line("hold unexpectedly", unexpected)
		line("skipped", skipped)
		for (f = 1; f <= count; f++) {
			differ = 0
			for (i = 1; i <= n; i++) {
				v = verdict[facts[f], name[i]]
				shown[i] = v == "holds" || v == "unexpected" ? "holds" : v == "skipped" ? "skipped" : v == "" ? "-" : "fails"
				if (shown[i] != shown[1]) differ = 1
			}
			if (!differ) continue
			if (!head++) print "differing facts"
			printf "  %s:", facts[f]
			for (i = 1; i <= n; i++) printf " %s %s%s", name[i], shown[i], i < n ? "," : "\n"
		}
		for (i = 1; i <= n; i++) {
			good += holds[name[i]] + expected[name[i]]; bad += failed[name[i]]; left += skipped[name[i]]
		}
		print "posix-conformance: " good + 0 " passed, " bad + 0 " failed, " left + 0 " skipped"
	}' "$work/verdicts" || status=1
exit "$status"
