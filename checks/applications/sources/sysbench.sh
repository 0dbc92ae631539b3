# shellcheck shell=bash disable=SC2034,SC2154,SC2164 # read, set and run with -e by compile-sources.sh
# sysbench: the file test.
needs='gcc make autoconf automake libtool pkg-config libluajit2-5.1-dev libck-dev'
source='sysbench'
configure() {
	./autogen.sh
	./configure --without-mysql --with-system-luajit --with-system-ck
}
compile() { make -C src/tests/fileio; }
objects='src/tests/fileio/libsbfileio_a-sb_fileio.o'
