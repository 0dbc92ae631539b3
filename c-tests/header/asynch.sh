#!/usr/bin/env bash
# Checks <sys/asynch.h>: layout, which functions a program calls, language standards, other headers beside it, what it
# defines, and how C++ links.
#
# usage: asynch.sh [INCLUDE_DIRECTORY]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
include=$(cd "${1:-$here/../../include}" && pwd)
[ -f "$include/sys/asynch.h" ] || { echo "$include has no sys/asynch.h" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=c-tests/header/compilers.sh
. "$here/compilers.sh"

native=$(($(echo __SIZEOF_LONG__ | cc -E -P -) * 8))
large=(-D_FILE_OFFSET_BITS=64)
late=("${large[@]}" -D_TIME_BITS=64)

# --- layout, and which functions are called -----------------------------------------------------

# calls_are WANTED COMMAND...: which functions a program calls by the four names
calls_are() {
	local wanted=$1 got
	shift
	"$@" -I"$include" -S -o "$work/calls.s" -x c - <<'END'
#include <sys/asynch.h>
int first(char *to, off_t at, aio_result_t *result) { return aioread(0, to, 1, at, 0, result); }
int second(char *from, off_t at, aio_result_t *result) { return aiowrite(0, from, 1, at, 0, result); }
aio_result_t *third(struct timeval *time) { return aiowait(time); }
int fourth(aio_result_t *result) { return aiocancel(result); }
END
	got=$(grep -oE '\baio(read|write|wait|cancel)[a-z0-9_]*' "$work/calls.s" | sort -u | tr '\n' ' ')
	echo "$got"
	[ "$got" = "$wanted " ]
}
# explicit_are WANTED COMMAND...: and by the two that say 64
explicit_are() {
	local wanted=$1 got
	shift
	"$@" -I"$include" -S -o "$work/calls.s" -x c - <<'END'
#include <sys/asynch.h>
int first(char *to, long long at, aio_result_t *result) { return aioread64(0, to, 1, at, 0, result); }
int second(char *from, long long at, aio_result_t *result) { return aiowrite64(0, from, 1, at, 0, result); }
END
	got=$(grep -oE '\baio(read|write)[a-z0-9_]*' "$work/calls.s" | sort -u | tr '\n' ' ')
	echo "$got"
	[ "$got" = "$wanted " ]
}
plain='aiocancel aioread aiowait aiowrite'
with_large='aiocancel aioread64 aiowait aiowrite64'
with_both='aiocancel aioread64 aiowait_time64 aiowrite64'

# calls NAME BITS COMMAND...: with every choice of the program's
calls() {
	local name=$1 bits=$2 large_calls=$plain all_calls=$plain explicit='aioread aiowrite'
	shift 2
	[ "$bits" = 64 ] || { large_calls=$with_large all_calls=$with_both explicit='aioread64 aiowrite64'; }
	check "calls-$name" calls_are "$plain" "$@"
	check "calls-$name-large" calls_are "$large_calls" "$@" "${large[@]}"
	check "calls-$name-time64" calls_are "$all_calls" "$@" "${late[@]}"
	check "calls-$name-explicit" explicit_are "$explicit" "$@"
}

layout=("$here/asynch.c" -std=c11 -fsyntax-only "${strict[@]}" -I"$include")
for compiler in gcc clang; do
	works "$compiler" || { skip "$compiler" 'no such compiler'; continue; }
	check "layout-$compiler" "$compiler" "${layout[@]}" "-DBITS=$native"
	calls "$compiler" "$native" "$compiler"
	works "$compiler" -m32 || { skip "$compiler-m32" 'no -m32'; continue; }
	check "layout-$compiler-m32" "$compiler" -m32 "${layout[@]}" -DBITS=32
	calls "$compiler-m32" 32 "$compiler" -m32
	# The C library and the header agree on what the parameters are.
	check "sizes-$compiler-m32" "$compiler" -m32 "${late[@]}" -I"$include" -fsyntax-only -x c - <<'END'
#include <sys/time.h>
#include <sys/asynch.h>
_Static_assert(sizeof(off_t) == 8 && sizeof(struct timeval) == 16, "64 bits");
END
done

while read -r target bits order; do
	[ -n "$target" ] || continue
	if ! works clang --target="$target" "${cross[@]}"; then
		skip "$target" 'clang lacks this target'
		continue
	fi
	check "layout-$target" clang --target="$target" "${cross[@]}" "${layout[@]}" "-DBITS=$bits"
	# No assembler is needed for this, nor a code generator.
	emit=(clang --target="$target" -nostdlibinc -I"$here/stub" -emit-llvm)
	calls "$target" "$bits" "${emit[@]}"
	if [ "$bits" = 32 ]; then wanted=$with_both; else wanted=$plain; fi
	# What musl's headers define on 32 bits, and glibc's where the first types had 64 bits.
	check "calls-$target-musl" calls_are "$wanted" "${emit[@]}" -D_REDIR_TIME64=1
	check "calls-$target-always" calls_are "$wanted" "${emit[@]}" -D__OFF_T_MATCHES_OFF64_T=1 -D__TIMESIZE=64
done <<<"$targets"

# --- language standards -------------------------------------------------------------------------

source=("$here/asynch.c" -I"$include" -o "$work/asynch.o" -c)
# standards NAME COMMAND...: alone, and with offsets and times of 64 bits
standards() {
	local name=$1
	shift
	check "standard-$name" "$@"
	check "standard-$name-time64" "$@" "${late[@]}"
}
for compiler in gcc clang; do
	for std in 99 11 17 2x; do
		for dialect in c gnu; do
			options=("-std=$dialect$std" "-DBITS=$native")
			works "$compiler" "${options[@]}" || { skip "standard-$compiler-$dialect$std" 'not supported'; continue; }
			standards "$compiler-$dialect$std" "$compiler" "${options[@]}" "${pedantry[@]}" "${source[@]}"
			works "$compiler" -m32 || continue
			standards "$compiler-$dialect$std-m32" "$compiler" -m32 "-std=$dialect$std" -DBITS=32 "${pedantry[@]}" "${source[@]}"
		done
	done
done
for compiler in g++ clang++; do
	for std in 11 14 17 20 2b; do
		for dialect in c++ gnu++; do
			options=("-std=$dialect$std" "-DBITS=$native")
			works_cxx "$compiler" "${options[@]}" || { skip "standard-$compiler-$dialect$std" 'not supported'; continue; }
			standards "$compiler-$dialect$std" "$compiler" "${options[@]}" "${strict[@]}" -Wconversion -Wundef -Wshadow -x c++ "${source[@]}"
		done
	done
done

# --- other headers, before and after ------------------------------------------------------------

for compiler in gcc clang g++ clang++; do
	language=(-std=gnu11 -x c)
	case $compiler in *++) language=(-std=gnu++17 -x c++) ;; esac
	for header in aio.h libaio.h sys/time.h fcntl.h unistd.h stdio.h; do
		for order in before after; do
			options=(-D_GNU_SOURCE "-DBITS=$native" "-DOTHER=<$header>")
			[ "$order" = before ] || options+=(-DASYNCH_FIRST)
			check "order-$compiler-${header//\//-}-$order" "$compiler" "${strict[@]}" "${options[@]}" "${language[@]}" "${source[@]}"
		done
	done
done

# --- what it defines, and how C++ links ---------------------------------------------------------

# The macros after <sys/asynch.h> but not after the header that it includes.
macros() { # WANTED COMMAND...
	local wanted=$1
	shift
	"$@" -dM -E - <<<'#include <sys/types.h>' | sort >"$work/macros.before"
	"$@" -I"$include" -dM -E - <<<'#include <sys/asynch.h>' | sort >"$work/macros.after"
	comm -3 "$work/macros.before" "$work/macros.after" | tee "$work/macros"
	[ "$(tr -s '\t ' ' ' <"$work/macros" | sed -E 's/^ #define ([^ ]+).*/\1/' | sort | tr '\n' ' ')" = "$wanted " ]
}
defines='AIO_INPROGRESS MAXASYNCHIO _SYS_ASYNCH_H' narrow_functions='aiocancel aioread aioread64 aiowait aiowrite aiowrite64'
case $native in
64) native_defines="$defines aioread64 aiowrite64" functions=$plain ;;
*) native_defines=$defines functions=$narrow_functions ;;
esac
for compiler in gcc clang; do
	check "macros-$compiler" macros "$native_defines" "$compiler" -x c
	check "macros-$compiler-c++" macros "$native_defines" "$compiler" -x c++
	works "$compiler" -m32 || continue
	check "macros-$compiler-m32" macros "$defines" "$compiler" -m32 -x c
done

# Every function has its C name in C++ too.
links() { # WANTED COMMAND...
	local wanted=$1
	shift
	"$@" -x c++ -O2 -fno-stack-protector "${source[@]}"
	[ "$(nm -u "$work/asynch.o" | sed -n 's/.* U \(.*aio.*\)/\1/p' | sort | tr '\n' ' ')" = "$wanted " ]
}
for compiler in g++ clang++; do
	check "links-$compiler" links "$functions" "$compiler" "-DBITS=$native"
	works_cxx "$compiler" -m32 || { skip "links-$compiler-m32" 'no -m32'; continue; }
	check "links-$compiler-m32" links "$narrow_functions" "$compiler" -m32 -DBITS=32
	check "links-$compiler-m32-time64" links "$with_both" "$compiler" -m32 -DBITS=32 "${late[@]}"
done

totals 'header of Solaris AIO'
