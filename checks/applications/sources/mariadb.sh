# shellcheck shell=bash disable=SC2034,SC2154,SC2164 # read, set and run with -e by compile-sources.sh
# MariaDB: the file of its thread pool that uses the library, in C++.
needs='g++ make cmake bison libssl-dev libncurses-dev libpcre2-dev zlib1g-dev'
source='mariadb'
configure() {
	local plugin without=()
	for plugin in MROONGA ROCKSDB COLUMNSTORE SPIDER CONNECT S3 OQGRAPH PROVIDER_SNAPPY PROVIDER_LZ4 PROVIDER_LZMA \
		PROVIDER_LZO PROVIDER_BZIP2; do
		without+=("-DPLUGIN_$plugin=NO")
	done
	cmake -B native "${without[@]}" -DWITH_WSREP=OFF -DWITH_UNIT_TESTS=OFF -DWITH_SSL=system -DWITH_URING=OFF \
		-DWITH_LIBAIO=ON -DLIBAIO_INCLUDE_DIRS="$header" -DLIBAIO_LIBRARIES="$library/libaio.so"
}
compile() { make -C native/tpool aio_libaio.o; }
objects='native/tpool/CMakeFiles/tpool.dir/aio_libaio.cc.o'
