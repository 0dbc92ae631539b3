#!/usr/bin/env bash
# Swaps the C library's package and ours under installed programs, to and fro, with apt and with dpkg, and
# runs the programs on each. For a Debian root that may be spoilt: it installs and removes packages.
#
# usage: swap.sh DIRECTORY_OF_PACKAGES OURS THEIRS [first]
#
# OURS and THEIRS are the packages' names, libaio1-rs and libaio1. The directory also has a package
# one-write-ARCHITECTURE with a program that was built with ours. With "first", ours is installed before
# the programs; otherwise apt brings theirs with them.
# loaded.sh of checks/harness lies beside this script.
set -eu

# shellcheck source=checks/harness/loaded.sh
. "$(dirname "$0")/loaded.sh"
packages=$1 ours=$2 theirs=$3 order=${4-last}
architecture=$(dpkg --print-architecture)
directory=/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch 2>/dev/null || echo "$(uname -m)-linux-gnu")
programs="fio qemu-utils lvm2 mariadb-server-core one-write-$architecture"
work=$(mktemp -d)
device=
clean_up() {
	[ -z "$device" ] || losetup -d "$device"
	rm -rf "$work"
}
trap clean_up EXIT
fail() {
	echo "FAILED: $*" >&2
	exit 1
}
apt() {
	apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends "$@" >"$work/apt.log" 2>&1 ||
		{ cat "$work/apt.log" >&2; fail "apt-get install $*"; }
}

# loads COMMAND...: the command must succeed and must have loaded the library of the expected package.
loads() {
	rm -f "$work"/loaded.*
	LD_DEBUG=libs LD_DEBUG_OUTPUT=$work/loaded "$@" >"$work/output" 2>&1 || { cat "$work/output" >&2; fail "$*"; }
	loaded "$work"/loaded.* >"$work/paths"
	[ "$(wc -l <"$work/paths")" = 1 ] || fail "$1 loaded $(tr '\n' ' ' <"$work/paths")"
	[ "$(dpkg -S "$(realpath "$(cat "$work/paths")")" | cut -d: -f1)" = "$expected" ] ||
		fail "$1 loaded $(cat "$work/paths"), which is not from $expected"
}

run_programs() {
	loads fio --name=swap --filename="$work/fio" --size=8M --rw=randwrite --bs=4k --iodepth=16 --ioengine=libaio \
		--verify=crc32c --verify_state_save=0
	grep -q 'err= 0' "$work/output" || fail 'fio reports errors'

	truncate -s 16M "$work/disk"
	loads qemu-img bench -f raw -t none -n -w -c 500 -d 16 --pattern=90 "$work/disk"
	loads qemu-io -f raw -t none -i native -c 'read -P 90 0 1M' "$work/disk"
	! grep -qi 'pattern verification failed' "$work/output" || fail 'qemu-io read something else than was written'

	[ -n "$device" ] || { truncate -s 64M "$work/volumes" && device=$(losetup -f --show "$work/volumes"); }
	loads pvcreate --devices "$device" -qqffy "$device"
	loads pvs --devices "$device" --noheadings -o pv_name
	grep -q "$device" "$work/output" || fail 'pvs does not see what pvcreate made'

	rm -rf "$work/database"
	mkdir "$work/database"
	loads "one-write-$architecture"

	# Debian's prefers io_uring, and is linked with libaio nevertheless.
	loads mariadbd --no-defaults --user=root --datadir="$work/database" --bootstrap </dev/null
}

# check PACKAGE: that one is there, the other is not, all programs are, and they run.
check() {
	expected=$1
	local other=$ours package
	[ "$1" = "$theirs" ] || other=$theirs
	for package in $expected $programs; do
		[ "$(dpkg-query -Wf '${db:Status-Abbrev}' "$package")" = 'ii ' ] || fail "$package is not installed"
	done
	case $(dpkg-query -Wf '${db:Status-Abbrev}' "$other" 2>/dev/null) in
	i*) fail "$other is still installed" ;;
	esac
	apt-get -qq check || fail 'apt-get check'
	[ -z "$(dpkg --audit)" ] || fail 'dpkg --audit'
	# Nothing that apt would like to put right.
	! apt-get -s autoremove | grep -E '^Remv (fio|qemu|lvm2|mariadb|libaio)' || fail 'apt-get autoremove takes something'
	! apt-get -s dist-upgrade | grep -E '^(Inst|Remv) libaio' || fail 'apt-get dist-upgrade swaps it back'
	[ -z "$(find "$directory" -name 'libaio.so*' ! -exec test -e {} \; -print)" ] || fail 'a link points nowhere'
	run_programs
	echo "ok: $2: fio, qemu-img, qemu-io, pvcreate, pvs, mariadbd and one-write run on $expected"
}

install_programs() {
	# shellcheck disable=SC2086 # words
	apt ${programs% *} "$packages/one-write-$architecture.deb"
}

our_file=$(printf '%s\n' "$packages/${ours}"_*_"$architecture".deb)
[ -e "$our_file" ] || fail "there is no $our_file"
if [ "$order" = first ]; then
	apt "$our_file"
	install_programs
	check "$ours" 'ours installed before the programs'
else
	install_programs
fi
apt "$theirs"
check "$theirs" "apt-get install $theirs"
apt "$our_file"
check "$ours" "apt-get install $ours"

(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$theirs")
# Theirs does not say that it replaces ours, so dpkg wants to be told that ours may go.
echo "$ours deinstall" | dpkg --set-selections
dpkg -i "$work/${theirs}"_*.deb >"$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log" >&2; fail "dpkg -i $theirs"; }
check "$theirs" "dpkg -i $theirs"
dpkg -i "$our_file" >"$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log" >&2; fail "dpkg -i $ours"; }
check "$ours" "dpkg -i $ours"
