#!/bin/sh
# How a suite of facts is compiled. To be sourced, after checks/harness/programs.sh, with $suite set: the name of its directory.

# Programs of this kind call aio_read64 where they say aio_read, and on 32 bits functions that take times of 64 bits.
# shellcheck disable=SC2034 # for who sources this
wide=-D_FILE_OFFSET_BITS=64 wide_time=-D_TIME_BITS=64

# compile_suite PROGRAM OPTIONS: its messages name the files without a directory.
compile_suite() {
	# shellcheck disable=SC2086,SC2154 # words; $project is the caller's
	(cd "$project/c-tests/$suite" && compile "$1" ./*.c ../harness/facts/*.c ${2-})
}

# can_compile PROGRAM OPTIONS: whether this compiler makes such programs
can_compile() {
	# shellcheck disable=SC2086 # words
	printf '#include <stdio.h>\nint main(void) { return 0; }\n' | ${CC:-cc} -x c - $2 -o "$1" 2>/dev/null
}

# libc_of PROGRAM: the file of the C library that it loads
libc_of() { ldd "$1" | sed -n 's/.*libc\.so[^ ]* => \(\/[^ ]*\).*/\1/p'; }
