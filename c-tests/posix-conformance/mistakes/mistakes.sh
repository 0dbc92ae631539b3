#!/usr/bin/env bash
# Shows that the conformance suite of POSIX AIO notices mistakes: each line of the table `mistakes` beside this script makes one
# in the library's source, and names the facts that must then fail.
#
# usage: mistakes.sh [NAME...]
#
# The environment says BUILD: the Makefile's build directory.
set -eu

here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../../..")
# shellcheck disable=SC2034 # for what is sourced
suite=posix-conformance interface=posix preload=1

compile_facts() { compile_suite "$1"; }

# shellcheck source=c-tests/harness/facts/mistakes.sh
. "$project/c-tests/harness/facts/mistakes.sh"
