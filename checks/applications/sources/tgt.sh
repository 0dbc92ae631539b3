# shellcheck shell=bash disable=SC2034,SC2154,SC2164 # read, set and run with -e by compile-sources.sh
# tgt: the whole daemon. Its Makefile looks for the header in /usr/include, which is told otherwise.
needs='gcc make libsystemd-dev'
source='tgt'
configure() { sed -i "s|/usr/include/libaio.h|$header/libaio.h|" usr/Makefile; }
compile() { make -C usr -j2 DEB_HOST_MULTIARCH="$(gcc -print-multiarch)" tgtd; }
program='usr/tgtd'
