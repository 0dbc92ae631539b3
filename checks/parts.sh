#!/usr/bin/env bash
# Makes targets of the Makefile one after the other, as the parts of `make check` and `make check-long`, and
# prints a line for each: how many tests passed, failed and were skipped, and how long it took. Parts joined by +
# run at the same time: one that waits most of its time beside others that do not. What the
# tools print goes to a log for each part. It goes on after a part that failed, but for those before --,
# without which nothing can run.
#
# usage: parts.sh NAME BUILD TARGET... -- TARGET...
#
# The last line is "NAME: N passed, N failed, N skipped"; skips are counted by their reasons, which
# tests append to BUILD/skipped. What failed is named once more before it, so that the end of the output is enough.
set -u

[ $# -ge 3 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
name=$1 build=$2 needed=yes
shift 2
logs=$build/logs
mkdir -p "$logs"
: >"$build/skipped"
: >"$build/skipped-tests"
lines() { if [ -e "$1" ]; then wc -l <"$1"; else echo 0; fi; }

# count LOG: "PASSED FAILED" from the closing lines of cargo, and of our own scripts; nothing if there is none
count() {
	awk '
		/^test result: / { gsub(/;/, ""); passed += $4; failed += $6; closed = 1 }
		/^[A-Za-z][^:]*: [0-9]+ passed, [0-9]+ failed/ {
			sub(/^[^:]*: /, "")
			passed += $1
			failed += $3
			closed = 1
		}
		END { if (closed) print passed + 0, failed + 0 }' "$1"
}

# failures LOG: its lines that name a test that failed, and what a program said that failed; its last ones if there
# are none such
failures() {
	awk '/FAILED, status/ { more = 4 }
		(/panicked at|^(not ok|error|failed:)|FAIL/ || more-- > 0) && !seen[$0]++' "$1" | head -n 12 |
		grep . || tail -n 4 "$1"
}

# run TARGET: makes it, and says in $status and $seconds how that went
run() {
	local begin=$SECONDS status=0
	"${MAKE:-make}" --no-print-directory "$1" >"$logs/$1.log" 2>&1 </dev/null || status=$?
	echo "$status $((SECONDS - begin))" >"$logs/$1.status"
}

all_passed=0 all_failed=0 begin=$SECONDS failed_parts=()
for group; do
	if [ "$group" = -- ]; then
		needed=
		continue
	fi
	skips=$(lines "$build/skipped") skipped_tests=$(lines "$build/skipped-tests") from=$SECONDS
	IFS=+ read -ra targets <<<"$group"
	[ ${#targets[@]} != 1 ] || printf '%-24s ' "$group"
	for target in "${targets[@]}"; do run "$target" & done
	wait
	skipped=$(tail -n "+$((skips + 1))" "$build/skipped" 2>/dev/null | sort -u | grep -c .)
	# Tests that skipped something count as passed with cargo.
	not_tested=$(($(lines "$build/skipped-tests") - skipped_tests))
	for target in "${targets[@]}"; do
		log=$logs/$target.log passed='' failed=''
		read -r status seconds <"$logs/$target.status"
		read -r passed failed < <(count "$log")
		# A part that counts nothing is a test by itself, unless it skips; one of a group is taken not to.
		# One that counts none, and skips none, tested nothing.
		if [ -z "$passed" ]; then
			passed=$((status == 0 && (skipped == 0 || ${#targets[@]} > 1))) failed=$((status != 0))
		fi
		if [ $not_tested -gt 0 ]; then
			less=$((not_tested < passed ? not_tested : passed))
			passed=$((passed - less)) not_tested=$((not_tested - less))
		fi
		if [ "$status" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
		if [ "$passed" = 0 ] && [ "$skipped" = 0 ] && [ "$failed" = 0 ]; then failed=1 status=no-test; fi
		if [ ${#targets[@]} = 1 ]; then
			printf '%5d passed, %d failed, %d skipped %6d s\n' "$passed" "$failed" "$skipped" "$seconds"
		else
			printf '%-24s %5d passed, %d failed            %6d s\n' "$target" "$passed" "$failed" "$seconds"
		fi
		all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed))
		if [ "$status" != 0 ]; then
			tail -n 40 "$log" | sed 's/^/    /'
			echo "    ... the whole of it is in $log"
			failed_parts+=("$target")
			[ -z "$needed" ] || break 2
		elif [ "$failed" != 0 ]; then
			echo "    $log counts failures, but 'make $target' succeeded"
			failed_parts+=("$target")
		fi
	done
	if [ ${#targets[@]} != 1 ]; then
		printf '%-24s %25d skipped %6d s\n' '  at the same time' "$skipped" $((SECONDS - from))
	fi
done

[ -e "$build/skipped" ] || : >"$build/skipped"
sort -u -o "$build/skipped" "$build/skipped"
sed 's/^/skipped: /' "$build/skipped"
for target in ${failed_parts[@]+"${failed_parts[@]}"}; do
	echo "failed: $target"
	failures "$logs/$target.log" | cut -c 1-200 | sed 's/^/    /'
done
seconds=$((SECONDS - begin))
echo "took $((seconds / 60)) min $((seconds % 60)) s; logs: $logs"
echo "$name: $all_passed passed, $all_failed failed, $(grep -c . "$build/skipped") skipped"
[ $all_failed = 0 ] && [ $all_passed != 0 ]
