#!/bin/sh
# How the C tests are compiled, and what they need. To be sourced, with $project set, the top directory.
#
# CC and CFLAGS (-O2) are used: CFLAGS='-g -fsanitize=address,undefined' makes a sanitized run.

# compile PROGRAM SOURCE... [OPTION...]: $include is where libaio.h is. Packages are built by compilers that nobody
# here knows: run-programs.sh sets $warnings to none.
compile() {
	# shellcheck disable=SC2086 # words
	${CC:-cc} -std=gnu11 ${CFLAGS:--O2} ${warnings--Wall -Wextra -Werror} -I"${include:-$project/include}" -o "$@" -pthread
}

# compile_conformance PROGRAM [OPTION...]: the whole suite; its messages name the files without a directory.
compile_conformance() {
	(
		to=$1
		shift
		cd "$project/c-tests/conformance" && compile "$to" ./*.c -D_FILE_OFFSET_BITS=64 "$@"
	)
}

# lacks SOURCE WORD...: why a program cannot run where there is what the WORDs name, or nothing if it can. The
# second line of a program has the words of what it needs: /* needs: kernel-aio ours */. checks/abi/libraries.rs
# knows them too.
lacks() {
	_source=$1
	shift
	# shellcheck disable=SC2013 # words
	for _need in $(sed -n '2s|^/\* needs: \(.*\) \*/$|\1|p' "$_source"); do
		case $_need in
		kernel-aio) _why='needs kernel AIO' ;;
		aio-max-nr) _why='expects EAGAIN where fs.aio-max-nr is used up' ;;
		ours) _why='states what only this library does' ;;
		shared) _why='asks for versions of symbols' ;;
		long-timespec) _why='takes timeouts of two longs' ;;
		bad-timeouts) _why='gives timeouts at bad addresses' ;;
		*)
			echo "$_source: nobody knows what '$_need' means" >&2
			return 2
			;;
		esac
		case " $* " in
		*" $_need "*) ;;
		*)
			echo "$_why"
			return 0
			;;
		esac
	done
}
