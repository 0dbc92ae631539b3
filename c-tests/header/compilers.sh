#!/bin/bash
# What the checks of both headers share: how one is counted, the compilers' options, and the targets that clang is asked about.
# To be sourced, with $here, this directory, and $work, a directory for files.
# shellcheck disable=SC2034,SC2154 # the scripts use these, and set those

# shellcheck source=checks/harness/report.sh
. "$here/../../checks/harness/report.sh"

# check NAME COMMAND...: ok if the command succeeds; else shows what it said
check() {
	local name=$1
	shift
	if "$@" >"$work/log" 2>&1; then
		echo "ok $name"
		passed=$((passed + 1))
	else
		echo "not ok $name"
		sed 's/^/#   /' "$work/log" | head -n 20
		failed=$((failed + 1))
	fi
}

# works COMMAND...: whether this compiler can do this at all, told without the header
works() { "$@" -x c - -c -o "$work/works.o" <<<'#include <string.h>' >/dev/null 2>&1; }
works_cxx() { "$@" -x c++ - -c -o "$work/works.o" <<<'#include <string.h>' >/dev/null 2>&1; }

strict=(-Wall -Wextra -Wpedantic -Werror)
pedantry=("${strict[@]}" -Wconversion -Wsign-conversion -Wundef -Wshadow -Wcast-qual -Wstrict-prototypes)
pedantry_cxx=("${strict[@]}" -Wconversion -Wsign-conversion -Wundef -Wshadow -Wcast-qual -Wold-style-cast
	-Wzero-as-null-pointer-constant)

targets='
x86_64-linux-gnu 64 1234
x86_64-linux-gnux32 32 1234
i686-linux-gnu 32 1234
arm-linux-gnueabihf 32 1234
armeb-linux-gnueabihf 32 4321
aarch64-linux-gnu 64 1234
aarch64_be-linux-gnu 64 4321
mips-linux-gnu 32 4321
mipsel-linux-gnu 32 1234
mips64-linux-gnuabi64 64 4321
mips64el-linux-gnuabi64 64 1234
powerpc-linux-gnu 32 4321
powerpc64-linux-gnu 64 4321
powerpc64le-linux-gnu 64 1234
s390x-linux-gnu 64 4321
sparc-linux-gnu 32 4321
sparc64-linux-gnu 64 4321
riscv32-linux-gnu 32 1234
riscv64-linux-gnu 64 1234
m68k-linux-gnu 32 4321
mips64-linux-gnuabin32 32 4321
mips64el-linux-gnuabin32 32 1234
'
cross=(-nostdlibinc -I"$here/stub" -fsyntax-only)
