#!/bin/sh
# Prints the way from one directory to another, both absolute: a file that says it can be moved with both.
#
# usage: relative-path.sh FROM TO
set -u
[ $# = 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
printf '%s\n%s\n' "$1" "$2" | awk '
	{ # Empty parts and "." are left out; ".." takes the part before it away.
		count = 0
		n = split($0, part, "/")
		for (i = 1; i <= n; i++)
			if (part[i] == "..") { if (count) count-- }
			else if (part[i] != "" && part[i] != ".") path[NR, ++count] = part[i]
		length_of[NR] = count
	}
	END {
		while (same < length_of[1] && same < length_of[2] && path[1, same + 1] == path[2, same + 1]) same++
		for (i = same; i < length_of[1]; i++) way = way "../"
		for (i = same + 1; i <= length_of[2]; i++) way = way path[2, i] "/"
		sub(/\/$/, "", way)
		print way == "" ? "." : way
	}'
