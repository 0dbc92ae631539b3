#!/bin/sh
# How this suite is compiled. To be sourced, beside c-tests/harness/facts/build.sh, with $project set.

# compile_with_plus PROGRAM OPTIONS LIBRARY...: the suite, and the part of it that is C++
compile_with_plus() {
	_program=$1 _options=$2
	shift 2
	# shellcheck disable=SC2086,SC2154 # words; $project is the caller's
	(cd "$project/c-tests/solaris-conformance" &&
		${CXX:-c++} -std=c++11 -O2 -Wall -Wextra -Werror -I"$project/include" $_options -c -o "$_program.plus.o" plus.cc)
	compile_suite "$_program" "$_options $_program.plus.o $*"
}
