#!/usr/bin/env bash
# Runs a suite of facts in columns, and prints a table: for each subject how many facts hold, and beneath it the facts in
# which columns differ. To be sourced, with $project and $suite set, and the columns and what is behind them as arguments.
#
# A caller calls enter and run for each of $columns, then table, whose status says whether all is well.
# shellcheck disable=SC2154 # the caller's
build=$(realpath "${BUILD:-$project/build}")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck source=c-tests/harness/facts/build.sh
. "$project/c-tests/harness/facts/build.sh"
# shellcheck disable=SC2034 # for the functions
skips=$build/skipped
original=${ORIGINAL:-$build/original}
work=$(mktemp -d -p "$build" "$suite-XXXXXX")
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
	env -u POSIXAIO_ENGINE -u POSIXAIO_THREADS -u SOLARISAIO_ENGINE -u SOLARISAIO_THREADS -u LIBAIO_ENGINE -u LIBAIO_REAP -u LIBAIO_SPIN \
		-u LD_PRELOAD -u LD_LIBRARY_PATH TMPDIR="$work" ${settings[@]+"${settings[@]}"} "$program" ${options[@]+"${options[@]}"} \
		-l "$library" -a "$libaio" -t "$work/verdicts.$name" ${arguments[@]+"${arguments[@]}"} >"$work/out" 2>&1 </dev/null || status=1
	sed "s/^/$name: /" "$work/out"
	sed -n "s/^skip /$suite: /p" "$work/out" >>"$build/skipped"
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

# enter NAME: sets $column, the name without -wide and -i686; what programs of that kind are compiled with, $flags, and called,
# $program; the $directory where the library is, and $c_library. 1 if this compiler makes no such programs.
# shellcheck disable=SC2034 # for the caller
enter() {
	local bits=64
	column=$1 flags='' directory=$build c_library=$original/amd64/usr/lib/x86_64-linux-gnu
	case $column in *-i686)
		column=${column%-i686} flags=-m32 directory=$build/i686 bits=32 c_library=$original/i386/usr/lib/i386-linux-gnu
		;;
	esac
	case $column in *-wide)
		column=${column%-wide} bits=$bits-wide flags="$flags $wide${flags:+ $wide_time}"
		;;
	esac
	program=$work/$bits
	if [ -n "$flags" ] && ! can_compile "$work/probe" "$flags"; then
		skip "$1" "the C compiler makes no programs for it: cc $flags"
		return 1
	fi
}

# Subjects down, columns across: facts that hold, of all. Then the facts in which the columns differ.
table() {
	for name in ${names[@]+"${names[@]}"}; do sed "s/^/$name|/" "$work/verdicts.$name"; done >"$work/verdicts"
	awk -F'|' -v suite="$suite" -v names="${names[*]-}" '
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
			print suite ": " good + 0 " passed, " bad + 0 " failed, " left + 0 " skipped"
		}' "$work/verdicts" || status=1
	return "$status"
}
