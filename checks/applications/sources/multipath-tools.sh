# shellcheck shell=bash disable=SC2034,SC2154,SC2164 # read, set and run with -e by compile-sources.sh
# multipath-tools: the checker that reads a path with O_DIRECT, and the counter of a path's errors.
needs='gcc make pkg-config libdevmapper-dev libudev-dev liburcu-dev libjson-c-dev libedit-dev libsystemd-dev libmount-dev'
source='multipath-tools'
configure() { make config.mk; }
compile() {
	make -C libmultipath io_err_stat.o
	make -C libmultipath/checkers directio.o
}
objects='libmultipath/io_err_stat.o libmultipath/checkers/directio.o'
