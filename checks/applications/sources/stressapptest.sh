# shellcheck shell=bash disable=SC2034,SC2154,SC2164 # read, set and run with -e by compile-sources.sh
# stressapptest: the whole program, in C++.
needs='g++ make'
source='stressapptest'
configure() { ./configure; }
compile() { make -j2; }
program='src/stressapptest'
