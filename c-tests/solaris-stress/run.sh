#!/usr/bin/env bash
# Runs the stress program of Solaris AIO: every request accounted for.
#
# usage: run.sh quick|long LABEL...
#
# A LABEL is kernel, the library as it is; threads, the same with SOLARISAIO_ENGINE=threads; and each with -i686 behind it. quick:
# a million requests of the first label, 50,000 of others, and the seed 1; long: a million of each, and three other seeds, from
# SEED if it is set. A failure prints the seed: `mixed REQUESTS SEED` makes the same choices again.
# The environment says BUILD: the Makefile's build directory.
set -eu

[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
# shellcheck disable=SC2034 # for the functions
suite='Solaris stress' options=(-LDIRECTORY -lsolarisaio '-Wl,-rpath-link,DIRECTORY')
# shellcheck source=c-tests/harness/stress.sh
. "$project/c-tests/harness/stress.sh"
seeds_of "$1"
[ "$1" = quick ] && first=1000000 others=50000 || first=1000000 others=1000000
shift

for label; do
	enter "$label" || continue
	settings=(LIBRARY="$directory/libsolarisaio.so.1" LD_LIBRARY_PATH="$directory")
	case ${label%-i686} in
	kernel) ;;
	threads) settings+=(SOLARISAIO_ENGINE=threads) ;;
	*) echo "$0: there is no run $label" >&2 && exit 2 ;;
	esac
	for seed in $seeds; do
		one "$label" mixed "$first" "$seed"
	done
	first=$others
done
totals "$suite"
