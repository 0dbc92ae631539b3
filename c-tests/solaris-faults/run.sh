#!/usr/bin/env bash
# Runs the programs of faults of Solaris AIO: what must hold when something is refused, ends, or is used in a way that nobody
# expects.
#
# usage: run.sh LABEL... [-- PROGRAM...]
#
# A LABEL is kernel, the library as it is; threads, the same with SOLARISAIO_ENGINE=threads; and each with -i686 behind it.
# Without PROGRAMs all. The environment says BUILD: the Makefile's build directory; and LONG=1 if there is time.
set -eu

[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
# shellcheck disable=SC2034 # for the functions
suite='Solaris faults' library=libsolarisaio.so.1 options=(-LDIRECTORY -lsolarisaio '-Wl,-rpath-link,DIRECTORY')
# shellcheck source=c-tests/harness/faults.sh
. "$project/c-tests/harness/faults.sh"

# run_of LABEL PROGRAM DIRECTORY: sets $variables to what it runs with; 2 if there is no such label
# shellcheck disable=SC2034 # for the functions
run_of() {
	variables=(LIBRARY="$3/libsolarisaio.so.1" LD_LIBRARY_PATH="$3")
	case ${1%-i686} in
	kernel) ;;
	threads) variables+=(SOLARISAIO_ENGINE=threads) ;;
	*) return 2 ;;
	esac
}
verdict_of() { :; }

run_all "$@"
