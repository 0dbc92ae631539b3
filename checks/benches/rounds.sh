#!/usr/bin/env bash
# How scripts time things in turn, in many short rounds. To be sourced. A file has a line for each round, with numbers.

median() {
	sort -g | awk '{ value[NR] = $1 } END { print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}
# field FILE COLUMN: one column of a file
field() { cut -d' ' -f"$2" "$1"; }
# compare_with FILE COLUMN OTHER_FILE: of each round, the first file's number divided by the other's
compare_with() {
	paste -d' ' <(field "$1" "$2") <(field "$3" "$2") | awk '$2 > 0 { print $1 / $2 } $2 <= 0 { print 0 }'
}
range() { sort -g | awk 'NR == 1 { first = $1 } { last = $1 } END { printf "%.2f - %.2f", first, last }'; }

# line TITLE DIGITS A B RATIOS_FILE TARGET: one line of the table; the target is "+N" for at least N, "-N" for at most.
line() {
	local ratio missed=
	ratio=$(median <"$5")
	case $6 in
	+*) awk "BEGIN { exit !($ratio < ${6#+}) }" && missed='  missed' ;;
	-*) awk "BEGIN { exit !($ratio > ${6#-}) }" && missed='  missed' ;;
	esac
	local target=${6/+/   >= }
	printf "%-46s %9.$2f %9.$2f %7.2f %15s%s\n" "$1" "$3" "$4" "$ratio" "$(range <"$5")" "${target/-/   <= }$missed"
}

# in_turn ROUND COLUMN...: the columns, beginning with another one in each round, so that none always finds the machine
# as the same other left it
in_turn() {
	local first=$(($1 % ($# - 1)))
	shift
	echo "${@:first+1}" "${@:1:first}"
}
