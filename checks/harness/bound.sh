#!/bin/sh
# Which library a program's POSIX AIO functions are bound to. To be sourced.

# bound FILE...: the files that their names were bound to, in what the dynamic linker wrote there with
# LD_DEBUG=bindings. libposixaio's own references to glibc's functions are not the program's.
bound() {
	sed -n -E '/binding file [^ ]*libposixaio/d; s/.*binding file .* to ([^ ]+) \[[0-9]+\]: normal symbol `(aio_[a-z_0-9]+|lio_listio(64)?|__aio_suspend_time64)'\''.*/\1/p' \
		"$@" | sort -u
}

# would_bind PROGRAM [LIBRARY]: the same for a program that is not started, with a library preloaded
would_bind() {
	LD_TRACE_LOADED_OBJECTS=1 LD_WARN=yes LD_BIND_NOW=1 LD_DEBUG=bindings LD_PRELOAD=${2-} \
		LD_LIBRARY_PATH=${2:+${2%/*}} "$1" 2>&1 | bound /dev/stdin
}
