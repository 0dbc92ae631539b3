#!/usr/bin/env bash
# Checks <libaio.h>: layouts, language standards, other headers beside it, the inline functions, and
# that it declares what the original declares and nothing else.
#
# usage: check.sh [INCLUDE_DIRECTORY [REFERENCE_INCLUDE_DIRECTORY]]
#
# The second directory (or $LIBAIO_REFERENCE_INCLUDE) holds the original's libaio.h; without it the
# comparisons are skipped.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
include=$(cd "${1:-$here/../../include}" && pwd)
reference=${2:-${LIBAIO_REFERENCE_INCLUDE:-}}
[ -z "$reference" ] || reference=$(cd "$reference" && pwd)
for directory in "$include" ${reference:+"$reference"}; do
	[ -f "$directory/libaio.h" ] || { echo "$directory has no libaio.h" >&2; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=c-tests/header/compilers.sh
. "$here/compilers.sh"

native=$(printf '__SIZEOF_LONG__ __BYTE_ORDER__ __ORDER_BIG_ENDIAN__\n' | cc -E -P -)
case $native in
'8 1234 '*) native_abi=(-DBITS=64 -DORDER=1234) ;;
'4 1234 '*) native_abi=(-DBITS=32 -DORDER=1234) ;;
'8 4321 '*) native_abi=(-DBITS=64 -DORDER=4321) ;;
*) native_abi=(-DBITS=32 -DORDER=4321) ;;
esac

# --- layouts ------------------------------------------------------------------------------------

layout=("$here/layout.c" -std=c11 -fsyntax-only "${strict[@]}")
# An older compiler defines neither; then <endian.h> and <limits.h> decide.
older=(-U__BYTE_ORDER__ -U__SIZEOF_LONG__)
for compiler in gcc clang; do
	works "$compiler" || { skip "layout-$compiler" 'no such compiler'; continue; }
	check "layout-$compiler" "$compiler" "${layout[@]}" -I"$include" "${native_abi[@]}"
	check "layout-$compiler-older" "$compiler" "${layout[@]}" -I"$include" "${native_abi[@]}" "${older[@]}"
	works "$compiler" -m32 || { skip "layout-$compiler-m32" 'no -m32'; continue; }
	check "layout-$compiler-m32" "$compiler" -m32 "${layout[@]}" -I"$include" -DBITS=32 -DORDER=1234
	check "layout-$compiler-m32-older" "$compiler" -m32 "${layout[@]}" -I"$include" \
		-DBITS=32 -DORDER=1234 "${older[@]}"
done

while read -r target bits order; do
	[ -n "$target" ] || continue
	if ! works clang --target="$target" "${cross[@]}"; then
		skip "layout-$target" 'clang lacks this target'
		continue
	fi
	check "layout-$target" clang --target="$target" "${cross[@]}" "${layout[@]}" -I"$include" \
		"-DBITS=$bits" "-DORDER=$order"
done <<<"$targets"

# --- timeouts of 64 bits ------------------------------------------------------------------------

# calls COMMAND...: which functions a program calls when it writes io_getevents and io_pgetevents
calls() {
	"$@" -I"$include" -S -o "$work/calls.s" -x c - <<'END'
#include <libaio.h>
int first(io_context_t ctx, struct timespec *timeout) { return io_getevents(ctx, 0, 0, 0, timeout); }
int second(io_context_t ctx, struct timespec *timeout) { return io_pgetevents(ctx, 0, 0, 0, timeout, 0); }
END
	grep -oE '\bio_p?getevents(_time64)?\b' "$work/calls.s" | sort -u | tr '\n' ' '
}
old='io_getevents io_pgetevents ' new='io_getevents_time64 io_pgetevents_time64 '
calls_are() { # WANTED COMMAND...
	local wanted=$1 got
	shift
	got=$(calls "$@") && echo "$got" && [ "$got" = "$wanted" ]
}
long_time=(-D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64)
for compiler in gcc clang; do
	works "$compiler" -m32 || { skip "time64-$compiler-m32" 'no -m32'; continue; }
	check "time64-$compiler-m32" calls_are "$new" "$compiler" -m32 "${long_time[@]}"
	check "time64-$compiler-m32-old" calls_are "$old" "$compiler" -m32
	# Both sides agree on what the timeout is.
	check "time64-$compiler-m32-size" "$compiler" -m32 "${long_time[@]}" -fsyntax-only -x c - <<'END'
#include <time.h>
_Static_assert(sizeof(struct timespec) == 16 && sizeof(((struct timespec *)0)->tv_sec) == 8, "64 bits");
END
done
while read -r target bits order; do
	[ -n "$target" ] || continue
	# No assembler is needed for this, nor a code generator.
	emit=(clang --target="$target" -nostdlibinc -I"$here/stub" -emit-llvm)
	works clang --target="$target" "${cross[@]}" || { skip "time64-$target" 'clang lacks this target'; continue; }
	check "time64-$target-old" calls_are "$old" "${emit[@]}"
	if [ "$bits" = 32 ]; then wanted=$new; else wanted=$old; fi
	check "time64-$target" calls_are "$wanted" "${emit[@]}" "${long_time[@]}"
	# What musl's headers define on 32 bits.
	check "time64-$target-musl" calls_are "$wanted" "${emit[@]}" -D_REDIR_TIME64=1
done <<<"$targets"

# --- language standards -------------------------------------------------------------------------

for compiler in gcc clang; do
	for std in 99 11 17 2x; do
		for dialect in c gnu; do
			for level in 0 2; do
				name=standard-$compiler-$dialect$std-O$level
				works "$compiler" "-std=$dialect$std" || { skip "$name" 'not supported'; continue; }
				check "$name" "$compiler" "-std=$dialect$std" "-O$level" "${pedantry[@]}" -I"$include" \
					-c "$here/standards.c" -o "$work/standards.o"
			done
		done
	done
done
for compiler in g++ clang++; do
	for std in 11 14 17 20 2b; do
		for dialect in c++ gnu++; do
			for level in 0 2; do
				name=standard-$compiler-$dialect$std-O$level
				works_cxx "$compiler" "-std=$dialect$std" || { skip "$name" 'not supported'; continue; }
				check "$name" "$compiler" "-std=$dialect$std" "-O$level" "${pedantry_cxx[@]}" -I"$include" \
					-x c++ -c "$here/standards.c" -o "$work/standards.o"
			done
		done
	done
done

# --- other headers, before and after ------------------------------------------------------------

# order NAME COMPILER OTHER OPTIONS... (-Ulinux: gnu dialects define it, and it is part of a name)
order() {
	local name=$1 compiler=$2 other=$3
	shift 3
	check "order-$compiler-$name-before" "$compiler" "${strict[@]}" -I"$include" -I"$here" -fsyntax-only -Ulinux \
		"-DOTHER=$other" "$@" "$here/order.c"
	check "order-$compiler-$name-after" "$compiler" "${strict[@]}" -I"$include" -I"$here" -fsyntax-only -Ulinux \
		"-DOTHER=$other" -DLIBAIO_FIRST "$@" "$here/order.c"
}

for compiler in gcc clang g++ clang++; do
	language=(-std=gnu11 -x c)
	case $compiler in *++) language=(-std=gnu++17 -x c++) ;; esac
	for header in linux/fs.h linux/aio_abi.h sys/uio.h fcntl.h sys/eventfd.h poll.h time.h; do
		other="<$header>"
		order "${header//\//-}" "$compiler" "$other" -D_GNU_SOURCE "${language[@]}"
	done
	for spelling in 1 2 3; do
		order "newer-$spelling" "$compiler" '"newer.h"' "-DSPELLING=$spelling" "${language[@]}"
	done
done

# SWIG has a preprocessor of its own: nothing is defined but its name, and no #include is followed.
swig() {
	sed '/^ *#include/d' "$include/libaio.h" | gcc -x c -E -P -undef -DSWIG - >"$work/swig" &&
		grep -q 'void \*data;' "$work/swig" && ! grep LIBAIO_ "$work/swig"
}
check swig swig

# --- what leaks, and how C++ links --------------------------------------------------------------

# The macros after <libaio.h> but not after the headers it includes.
macros() {
	local includes='#include <sys/types.h>
#include <string.h>
#include <signal.h>
#include <sys/select.h>'
	"$@" -dM -E - <<<"$includes" | sort >"$work/macros.before"
	"$@" -I"$include" -dM -E - <<<"$includes
#include <libaio.h>" | sort >"$work/macros.after"
	comm -3 "$work/macros.before" "$work/macros.after" | tee "$work/macros"
	[ "$(tr -s '\t ' ' ' <"$work/macros" | sed -E 's/^ #define ([^ ]+).*/\1/' | sort)" = "$(sort <<<"__LIBAIO_H
$(tr ' ' '\n' <<<"$flags")")" ]
}
flags='RWF_HIPRI RWF_DSYNC RWF_SYNC RWF_NOWAIT RWF_APPEND RWF_NOAPPEND RWF_ATOMIC RWF_DONTCACHE RWF_NOSIGNAL
IOCB_FLAG_RESFD IOCB_FLAG_IOPRIO'
for compiler in gcc clang; do
	check "macros-$compiler" macros "$compiler" -x c
	check "macros-$compiler-c++" macros "$compiler" -x c++
done

# link COMPILER OPTIONS...: every function is found under its C name
link() {
	gcc -c "$here/link_library.c" -o "$work/library.o"
	"$@" -I"$include" "$here/link.c" -c -o "$work/link.o"
	"${1}" "$work/link.o" "$work/library.o" -o "$work/link"
	"$work/link"
}
for level in 0 2; do
	check "link-gcc-O$level" link gcc "-O$level"
	check "link-g++-O$level" link g++ "-O$level" -x c++
	check "link-clang++-O$level" link clang++ "-O$level" -x c++
done

# --- inline functions ---------------------------------------------------------------------------

# inlines NAME COMMAND...: against the kernel's structure, then against the reference
inlines() {
	local name=$1
	shift
	works "$@" || { skip "inlines-$name" 'not supported'; return; }
	check "inlines-$name" inlines_ours "$@"
	[ -n "$reference" ] || return 0
	check "inlines-$name-reference" inlines_reference "$@"
}
inlines_ours() {
	"$@" -I"$include" -c "$here/inlines.c" -o "$work/inlines.o"
	"$@" -x none "$work/inlines.o" -o "$work/inlines"
	"$work/inlines" >"$work/inlines.out"
	grep -qx '35997 checks, 507 submits' "$work/inlines.out"
}
inlines_reference() {
	"$@" -I"$reference" -c "$here/inlines.c" -o "$work/inlines.o"
	"$@" -x none "$work/inlines.o" -o "$work/inlines"
	"$work/inlines" >"$work/inlines.reference"
	cmp "$work/inlines.out" "$work/inlines.reference"
}
for level in 0 2; do
	inlines "gcc-O$level" gcc "-O$level"
	inlines "gcc-m32-O$level" gcc "-O$level" -m32
	inlines "g++-O$level" g++ "-O$level" -x c++
	inlines "clang-O$level" clang "-O$level"
done
[ -n "$reference" ] || skip inlines-reference 'no reference header given'

# --- declarations -------------------------------------------------------------------------------

# declarations DIRECTORY COMMAND...: every function, parameter, type, field and enumerator that
# libaio.h there declares, with its type, and its place within its structure
declarations() {
	local directory=$1
	shift
	# Debian 13's includes <linux/types.h>, which declares much more.
	"$@" -I"$directory" -fsyntax-only -w -fno-color-diagnostics -Xclang -ast-dump - <<'END' >"$work/ast"
#if __has_include(<linux/types.h>)
#include <linux/types.h>
#endif
#include <sys/types.h>
#include <string.h>
#include <signal.h>
#include <sys/select.h>
int libaio_begin;
#include <libaio.h>
int libaio_end;
END
	awk '
		/ libaio_begin / { on = 1; next }
		/ libaio_end / { on = 0; ended = 1 }
		!on { next }
		# Bodies and initial values are not declarations; a value is, of an enumerator.
		!/(Function|ParmVar|Record|CXXRecord|Field|Enum|EnumConstant|Typedef|Var)Decl / && !/value: Int/ { next }
		/ implicit |ClassTemplate|Constructor|CXXMethod/ { next }
		{
			sub(/^[| `-]*/, "")
			gsub(/0x[0-9a-f]+ ?/, "")
			gsub(/<[^<>]*(<[^<>]*>)?[^<>]*> ?/, "")
			gsub(/(prev|parent) /, "")
			gsub(/([^ ]*libaio\.h|line|col)(:[0-9]+)+ ?/, "")
			gsub(/ (used|referenced)/, "")
			gsub(/ at [^ )]*libaio\.h:[0-9:]+/, "")
			place++
			if (/^(Function|Record|CXXRecord|Enum|Typedef|Var)Decl/) {
				top = $0
				place = 0
			}
			print top " | " place " " $0
		}
		END { exit !ended }
	' "$work/ast" | sort
}
same_declarations() {
	declarations "$reference" "$@" >"$work/declarations.reference"
	declarations "$include" "$@" >"$work/declarations"
	[ "$(wc -l <"$work/declarations.reference")" -gt 100 ]
	diff "$work/declarations.reference" "$work/declarations"
}
if [ -z "$reference" ]; then
	skip declarations 'no reference header given'
else
	check declarations-native same_declarations clang -x c
	check declarations-native-c++ same_declarations clang -x c++
	while read -r target bits order; do
		[ -n "$target" ] || continue
		case $target in mips64-linux-gnuabin32)
			skip "declarations-$target" "the original's layout is not the kernel's there"
			continue ;;
		esac
		works clang --target="$target" "${cross[@]}" || { skip "declarations-$target" 'clang lacks it'; continue; }
		check "declarations-$target" same_declarations clang --target="$target" "${cross[@]}" -x c
	done <<<"$targets"
fi

totals header
