#!/usr/bin/env bash
# Clean Debian roots, and commands in them.
#
# usage: root.sh minimal DIRECTORY SUITE [OPTION...]   by debootstrap, with its options; unless it is there
#        root.sh make DIRECTORY SUITE ARCHITECTURE     the same, with source packages, and no services
#        root.sh copy FROM TO                          TO is replaced
#        root.sh pivot DIRECTORY COMMAND               a shell command, as on a machine of its own: pivot_root,
#                                                      and a /dev with loop devices
#        root.sh chroot DIRECTORY COMMAND              chroot, with the devices that debootstrap makes
#        root.sh container DIRECTORY COMMAND           what Docker gives by default: container.c, and an overlay
#                                                      file system, whose upper layer is DIRECTORY.upper
#
# No network if OFFLINE=1. WRAPPER is a command that the shell runs under. A command's mounts and processes end
# with it, and its /dev is never the machine's: a program that replaces /dev/null harms the root alone.
set -eu

case ${1-} in
make)
	[ ! -e "$2" ] || exit 0
	rm -rf --one-file-system "$2.new"
	"$0" minimal "$2.new" "$3" --include=ca-certificates --arch="$4"
	{
		echo "deb http://deb.debian.org/debian $3 main"
		echo "deb http://deb.debian.org/debian-security $3-security main"
		echo "deb-src http://deb.debian.org/debian $3 main"
	} >"$2.new/etc/apt/sources.list"
	# No service is started.
	printf '#!/bin/sh\nexit 101\n' >"$2.new/usr/sbin/policy-rc.d"
	chmod 755 "$2.new/usr/sbin/policy-rc.d"
	mv "$2.new" "$2"
	# Some mirrors have not all architectures of the security updates.
	"$0" pivot "$2" 'apt-get -qq update || { sed -i /-security/d /etc/apt/sources.list && apt-get -qq update; }'
	;;
minimal)
	[ ! -e "$2" ] || exit 0
	command -v debootstrap >/dev/null || { echo "$0: debootstrap is missing" >&2; exit 1; }
	rm -rf --one-file-system "$2.part"
	mkdir -p "$2.part"
	debootstrap --variant=minbase "${@:4}" "$3" "$2.part" >"$2.log" 2>&1 || { tail -n 5 "$2.log" >&2; exit 1; }
	# Certificates of this machine's own, if its network wants them: ca-certificates takes them in.
	mkdir -p "$2.part/usr/local/share/ca-certificates"
	find /usr/local/share/ca-certificates -name '*.crt' -exec cp -t "$2.part/usr/local/share/ca-certificates" {} +
	mv "$2.part" "$2"
	;;
copy)
	rm -rf --one-file-system "$3" "$3.upper" "$3.work"
	cp -a --reflink=auto "$2" "$3"
	;;
pivot | chroot | container)
	directory=$(realpath "$2")
	cp -L --remove-destination /etc/resolv.conf "$directory/etc/resolv.conf"
	network=
	[ "${OFFLINE-0}" = 0 ] || network=--net
	if [ "$1" = container ]; then
		project=$(realpath "$(dirname "$0")/../..")
		# shellcheck source=checks/harness/programs.sh
		. "$project/checks/harness/programs.sh"
		compile "$directory/root/container" "$project/checks/clean-roots/container.c" -static
		WRAPPER="/root/container ${WRAPPER-}"
		mkdir -p "$directory.upper" "$directory.work"
	fi
	# shellcheck disable=SC2016 # for the inner shell
	exec unshare --mount --pid --fork --kill-child --ipc --uts $network --propagation private bash -euc '
		way=$0 root=$1 command=$2 wrapper=$3
		environment="HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive"
		environment="$environment PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
		if [ $way = chroot ]; then
			mount -t proc proc "$root/proc"
			exec chroot "$root" env -i $environment $wrapper bash -euo pipefail -c "$command"
		fi
		if [ $way = container ]; then
			mount -t overlay -o "lowerdir=$root,upperdir=$root.upper,workdir=$root.work" overlay "$root"
		else
			mount --bind "$root" "$root"
		fi
		mount -t proc proc "$root/proc"
		mount -t sysfs sysfs "$root/sys"
		dev=$root/dev
		mount -t tmpfs -o mode=755,size=1m dev "$dev"
		while read -r name major minor; do
			mknod -m 666 "$dev/$name" c "$major" "$minor"
		done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
END
		mkdir "$dev/pts" "$dev/shm"
		mount -t devpts -o newinstance,ptmxmode=0666 devpts "$dev/pts"
		mount -t tmpfs -o mode=1777 shm "$dev/shm"
		ln -s pts/ptmx "$dev/ptmx"
		ln -s /proc/self/fd "$dev/fd"
		for name in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${name%:*}" "$dev/${name#*:}"; done
		if [ $way = pivot ]; then
			mknod -m 644 "$dev/kmsg" c 1 11
			mknod -m 660 "$dev/loop-control" c 10 237
			for number in $(seq 0 31); do mknod -m 660 "$dev/loop$number" b 7 "$number"; done
		fi
		mkdir -p "$root/before"
		cd "$root"
		pivot_root . before
		umount --lazy /before
		rmdir /before
		exec env -i $environment $wrapper bash -euo pipefail -c "$command"
	' "$1" "$directory" "$3" "${WRAPPER-}"
	;;
*)
	sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
