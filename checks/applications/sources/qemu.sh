# shellcheck shell=bash disable=SC2034,SC2154,SC2164 # read, set and run with -e by compile-sources.sh
# QEMU: the file that uses the library.
needs='gcc pkg-config python3 python3-venv ninja-build libglib2.0-dev'
source='qemu'
configure() {
	mkdir native
	cd native
	../configure --without-default-features --disable-system --disable-user --enable-tools --enable-linux-aio --disable-werror
}
compile() { ninja -j2 -C native $objects_of_native; }
objects_of_native='libblock.fa.p/block_linux-aio.c.o'
objects="native/$objects_of_native"
