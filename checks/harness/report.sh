#!/bin/sh
# How scripts count what passed, failed and was skipped. To be sourced. $skips is the file that checks/parts.sh
# counts skips by, build/skipped, and $suite what its lines begin with; without them skips are only printed.
passed=0 failed=0 skipped=0

# skip WHAT REASON
skip() {
	skipped=$((skipped + 1))
	echo "$1: skipped: $2"
	[ -z "${skips-}" ] || echo "${suite:+$suite, }$1: $2" >>"$skips"
}

# judge WHAT STATUS LOG: by the exit status of a program, which is 77 when it says that it cannot run here
judge() {
	case $2 in
	0) passed=$((passed + 1)) ;;
	77) skip "$1" "$(sed -n 's/^skip: //p' "$3" | head -n 1)" ;;
	*)
		failed=$((failed + 1))
		echo "$1: FAILED, status $2"
		cat "$3"
		;;
	esac
}

# totals NAME: the last line; its status is 0 when something was tried and nothing failed
totals() {
	echo "$1: $passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] && [ $((passed + skipped)) != 0 ]
}
