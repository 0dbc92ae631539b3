# shellcheck shell=bash disable=SC2034,SC2154,SC2164 # read, set and run with -e by compile-sources.sh
# Apache Traffic Server: its disk I/O, in C++, with the experimental option for native AIO.
needs='g++ make autoconf automake libtool pkg-config libssl-dev libpcre3-dev zlib1g-dev libyaml-cpp-dev libcap-dev libhwloc-dev'
source='trafficserver'
configure() {
	autoreconf -fi
	./configure --enable-experimental-linux-native-aio --with-yaml-cpp=/usr
}
compile() { make -C iocore/aio AIO.o; }
objects='iocore/aio/AIO.o'
