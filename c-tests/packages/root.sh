#!/usr/bin/env bash
# Clean Debian roots, and commands in them.
#
# usage: root.sh make DIRECTORY SUITE ARCHITECTURE     unless it is there
#        root.sh copy FROM TO                          TO is replaced
#        root.sh run DIRECTORY COMMAND                 a shell command; no network if OFFLINE=1
#
# A command's mounts and processes end with it.
set -eu

case ${1-} in
make)
	[ ! -e "$2" ] || exit 0
	command -v debootstrap >/dev/null || { echo "$0: debootstrap is missing" >&2; exit 1; }
	rm -rf --one-file-system "$2.part"
	mkdir -p "$2.part"
	debootstrap --variant=minbase --include=ca-certificates --arch="$4" "$3" "$2.part" >"$2.log" 2>&1 ||
		{ tail -5 "$2.log" >&2; exit 1; }
	{
		echo "deb http://deb.debian.org/debian $3 main"
		echo "deb http://deb.debian.org/debian-security $3-security main"
		echo "deb-src http://deb.debian.org/debian $3 main"
	} >"$2.part/etc/apt/sources.list"
	# No service is started.
	printf '#!/bin/sh\nexit 101\n' >"$2.part/usr/sbin/policy-rc.d"
	chmod 755 "$2.part/usr/sbin/policy-rc.d"
	mv "$2.part" "$2"
	# Some mirrors have not all architectures of the security updates.
	"$0" run "$2" 'apt-get -qq update || { sed -i /-security/d /etc/apt/sources.list && apt-get -qq update; }'
	;;
copy)
	rm -rf --one-file-system "$3"
	cp -a --reflink=auto "$2" "$3"
	;;
run)
	directory=$(realpath "$2")
	cp -L /etc/resolv.conf "$directory/etc/resolv.conf"
	network=
	[ "${OFFLINE-0}" = 0 ] || network=--net
	# shellcheck disable=SC2016 # for the inner shell
	exec unshare --mount --pid --fork --kill-child $network --propagation private sh -euc '
		mount -t proc proc "$0/proc"
		mount -t sysfs sysfs "$0/sys" 2>/dev/null || mount --rbind /sys "$0/sys"
		mount --rbind /dev "$0/dev"
		exec chroot "$0" env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash -euo pipefail -c "$1"
	' "$directory" "$3"
	;;
*)
	sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
