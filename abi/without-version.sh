#!/bin/sh
# Lets a shared library do without some functions, and take them from whatever library has them: their references get
# no version and are weak. A version goes with the name of a library, and before 2.30 glibc refuses to load what asks
# for a function that this library has not, even by a weak reference
# (https://sourceware.org/bugzilla/show_bug.cgi?id=24741). Not every linker keeps a reference weak (mold 1.10).
#
# Where the version is 2.1, that of 2.0 would be found without it, which is another function: it stays.
#
# usage: without-version.sh READELF LIBRARY FUNCTION...
set -eu

readelf=$1 library=$2
shift 2
header=$("$readelf" -hW "$library")
sections=$("$readelf" -SW "$library")
symbols=$("$readelf" --dyn-syms -W "$library")
# start NAME: where a section is in the file
start() {
	start=$(echo "$sections" | sed -n "s/.* \.$1  *[A-Z]*  *[0-9a-f]*  *\([0-9a-f]*\) .*/\1/p")
	[ -n "$start" ] || { echo "$0: $library has no section .$1" >&2; exit 1; }
	echo $((0x$start))
}
# put OFFSET BYTES
put() {
	# shellcheck disable=SC2059 # the format is the bytes
	printf "$2" | dd of="$library" bs=1 seek="$1" conv=notrunc status=none
}

# A symbol's kind is one of the bytes of its entry; its version, of which 1 is none, two bytes elsewhere.
case $header in
*ELF64*) entry=24 kind=4 ;;
*) entry=16 kind=12 ;;
esac
case $header in
*little\ endian*) none='\001\000' ;;
*) none='\000\001' ;;
esac
dynsym=$(start dynsym)
versions=$(start gnu.version)
for function; do
	found=$(echo "$symbols" | sed -n "s/^ *\([0-9]*\): .* UND $function\(@[A-Za-z0-9_.]*\)\{0,1\}\( .*\)\{0,1\}\$/\1 \2/p")
	[ -n "$found" ] || continue
	index=${found%% *}
	put $((dynsym + entry * index + kind)) '\040'
	case $found in
	*@GLIBC_2.1) ;;
	*@*) put $((versions + 2 * index)) "$none" ;;
	esac
done
