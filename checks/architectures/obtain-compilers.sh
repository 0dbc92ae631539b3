#!/usr/bin/env bash
# Downloads Debian's cross compilers and C libraries and unpacks them; nothing is installed. Their
# packages cannot be installed beside gcc-multilib, which the tests on i686 need.
#
# usage: obtain-compilers.sh DIRECTORY
#
# leaves in DIRECTORY/bin: TRIPLET-gcc, -ar, -nm, -objcopy and -strip; and i386-linux-musl-gcc and
# arm-linux-musleabihf-gcc, which are others' compilers with musl. Does nothing when they are there.
set -eu

[ $# = 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
harness=$(realpath "$(dirname "$0")/../harness")
mkdir -p "$1"
cd "$1"
if [ -e complete ]; then exit 0; fi
rm -rf bin packages root i386 armhf apt apt.errors

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

# musl_compiler ARCHITECTURE TRIPLET LINKER COMPILER...
musl_compiler() {
	local architecture=$1 triplet=$2 linker=$3 libraries
	shift 3
	mkdir "$architecture"
	# One list of many may fail, and the rest do.
	get "$architecture" update || true
	if ! (cd "$architecture" && get "$architecture" download musl musl-dev); then
		sort -u "$apt.errors" >&2
		echo "$0: cannot download musl for $architecture" >&2
		exit 1
	fi
	for package in "$architecture"/*.deb; do dpkg-deb --extract "$package" "$architecture"; done
	# The loader, which is the shared library, lies in /lib.
	libraries=$(dirname "$PWD/$architecture"/usr/lib/*/libc.a)
	cp "$architecture"/lib/*/libc.so "$libraries"
	sed -e "s|/usr/lib/x86_64-linux-musl|$libraries|g" -e "s|/lib/ld-musl-x86_64.so.1|$linker|" \
		-e "s|/usr/include/x86_64-linux-musl|$PWD/$architecture/usr/include/${libraries##*/}|g" \
		/usr/lib/x86_64-linux-musl/musl-gcc.specs >"$architecture/specs"
	printf '#!/bin/sh\nexec %s "$@" -specs "%s"\n' "$*" "$PWD/$architecture/specs" >"bin/$triplet-gcc"
	chmod +x "bin/$triplet-gcc"
}
# shellcheck source=checks/harness/apt.sh
. "$harness/apt.sh"
apt=$PWD/apt
sources
musl_compiler i386 i386-linux-musl '/lib/ld-musl-i386.so.1 -m elf_i386' gcc -m32
musl_compiler armhf arm-linux-musleabihf /lib/ld-musl-armhf.so.1 "$PWD/bin/arm-linux-gnueabihf-gcc"
for tool in ar nm objcopy strip; do
	ln -s "/usr/bin/$tool" "bin/i386-linux-musl-$tool"
	ln -s "arm-linux-gnueabihf-$tool" "bin/arm-linux-musleabihf-$tool"
done
rm -rf "$apt" "$apt.errors"
touch complete
