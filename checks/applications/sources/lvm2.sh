# shellcheck shell=bash disable=SC2034,SC2154,SC2164 # read, set and run with -e by compile-sources.sh
# LVM: the cache of blocks through which it reads every device.
needs='gcc make pkg-config libblkid-dev libudev-dev libsystemd-dev'
source='lvm2'
configure() {
	./configure --disable-readline
	make -C include
}
compile() { make -C lib device/bcache.o; }
objects='lib/device/bcache.o'
