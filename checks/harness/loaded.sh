#!/bin/sh
# Which libaio a program loads. To be sourced.

# loaded FILE...: the paths in what the dynamic linker wrote there, with LD_DEBUG=files or libs
loaded() { sed -n 's|.*calling init: \(.*/libaio\.so.*\)|\1|p' "$@" 2>/dev/null | sort -u; }

# would_load PROGRAM: what the dynamic linker finds for it, or nothing
would_load() { ldd "$1" | sed -n 's/.*libaio[^ ]* => \(\/[^ ]*\).*/\1/p'; }

# both_are_loaded PROGRAM DIRECTORY: prints the two files; fails unless the system's library is another one than that
# of the directory, and the program finds the latter there
both_are_loaded() (
	system=$(realpath "$(would_load "$1")") found=$(realpath "$(LD_LIBRARY_PATH=$2 would_load "$1")")
	if [ "$found" != "$2/libaio.so.1.0.2" ] || cmp -s "$system" "$found"; then
		echo "$0: $1 would load '$system' for C and '$found' for ours" >&2
		exit 1
	fi
	printf 'C library  %s\nlibaio-rs  %s\n\n' "$system" "$found"
)
