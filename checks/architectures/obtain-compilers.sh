#!/usr/bin/env bash
# Downloads Debian's cross compilers and C libraries and unpacks them; nothing is installed. Their
# packages cannot be installed beside gcc-multilib, which the tests on i686 need.
#
# usage: obtain-compilers.sh DIRECTORY
#
# leaves in DIRECTORY/bin: TRIPLET-gcc, -ar, -nm, -objcopy and -strip. Does nothing when they are there.
set -eu

[ $# = 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
if [ -e complete ]; then exit 0; fi
rm -rf bin packages root

# Debian has them in the version of its gcc.
version=$(gcc -dumpversion)
version=${version%%.*}
names='aarch64-linux-gnu:arm64 arm-linux-gnueabihf:armhf powerpc64le-linux-gnu:ppc64el
	s390x-linux-gnu:s390x riscv64-linux-gnu:riscv64'
packages=
for name in $names; do
	triplet=${name%:*} architecture=${name#*:}
	packages="$packages gcc-$version-$triplet cpp-$version-$triplet binutils-$triplet \
		libgcc-$version-dev-$architecture-cross libgcc-s1-$architecture-cross \
		libc6-$architecture-cross libc6-dev-$architecture-cross linux-libc-dev-$architecture-cross"
done
mkdir packages bin
echo "downloading cross compilers with apt-get, 150 MB"
# shellcheck disable=SC2086 # lists of words
if ! (cd packages && apt-get -qq -o APT::Sandbox::User=root download $packages); then
	echo "$0: cannot download the cross compilers: is apt-get update needed?" >&2
	exit 1
fi
for package in packages/*.deb; do dpkg-deb --extract "$package" root; done
rm -rf packages

for name in $names; do
	triplet=${name%:*}
	for tool in gcc ar nm objcopy strip; do
		program=$PWD/root/usr/bin/$triplet-$tool
		options=
		if [ "$tool" = gcc ]; then program=$program-$version options="--sysroot=$PWD/root"; fi
		cat >"bin/$triplet-$tool" <<END
#!/bin/sh
LD_LIBRARY_PATH='$PWD/root/usr/lib/$(gcc -print-multiarch)' exec '$program' $options "\$@"
END
		chmod +x "bin/$triplet-$tool"
	done
done
touch complete
