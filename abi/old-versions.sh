#!/bin/sh
# Prints, for `objcopy --redefine-syms`, the versions that some functions had before glibc 2.34, which moved them from
# other libraries into its main one and gave them a new version. With the old one a library that is linked here runs on
# earlier systems too. Nothing if the linker finds no such version.
#
# usage: old-versions.sh READELF 'FUNCTION...' COMPILER [ARGUMENT...]
set -eu

readelf=$1 functions=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What the linker finds is asked of a library that refers to them, and to a function that has always been there.
{
	printf '.section .note.GNU-stack, "", %%progbits\n.data\n'
	for function in __errno_location $functions; do printf '.dc.a %s\n' "$function"; done
} >"$work/probe.s"
"$@" -shared -nostartfiles -o "$work/probe" "$work/probe.s"
symbols=$("$readelf" --dyn-syms -W "$work/probe")
version() { echo "$symbols" | sed -n "s/.* UND $1@\(GLIBC_[0-9.]*\).*/\1/p"; }

first=$(version __errno_location)
for function in $functions; do
	[ "$(version "$function")" = GLIBC_2.34 ] || continue
	case $first,$function in
	# glibc 2.0 had others.
	GLIBC_2.0,dlopen | GLIBC_2.0,pthread_*) echo "$function $function@GLIBC_2.1" ;;
	*) echo "$function $function@$first" ;;
	esac
done
