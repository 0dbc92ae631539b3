# shellcheck shell=bash disable=SC2034,SC2154,SC2164 # read, set and run with -e by compile-sources.sh
# fio: the whole program. Its io_u.h includes the header, so nearly every file does.
needs='gcc make zlib1g-dev'
source='fio'
configure() { ./configure; }
compile() { make -j2 fio; }
program='fio'
