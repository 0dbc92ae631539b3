# shellcheck shell=bash disable=SC2034,SC2154,SC2164 # read, set and run with -e by compile-sources.sh
# thin-provisioning-tools: the cache of blocks, in C++.
needs='g++ make autoconf libboost-dev libexpat1-dev'
source='thin-provisioning-tools'
configure() {
	autoreconf -fi
	./configure
}
compile() { make block-cache/block_cache.o; }
objects='block-cache/block_cache.o'
