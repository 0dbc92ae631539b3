#!/usr/bin/env bash
# Shows that the conformance suite of Solaris AIO notices mistakes: each line of the table `mistakes` beside this script makes one
# in the library's source, and names the facts that must then fail.
#
# usage: mistakes.sh [NAME...]
#
# The environment says BUILD: the Makefile's build directory.
set -eu

here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../../..")
# shellcheck disable=SC2034 # for what is sourced
suite=solaris-conformance interface=solaris preload=
# shellcheck source=c-tests/solaris-conformance/build.sh
. "$here/../build.sh"

compile_facts() { compile_with_plus "$1" '' "-L$2" -lsolarisaio "-Wl,-rpath-link,$2"; }

# shellcheck source=c-tests/harness/facts/mistakes.sh
. "$project/c-tests/harness/facts/mistakes.sh"
