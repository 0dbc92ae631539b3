#!/usr/bin/env bash
# Runs the two commands of the README in clean Debian roots, as somebody would on a new machine: minimal
# roots, the last commit as a clone, and what README says, line by line. Prints what the commands print, and a
# table of their times. Fails when one fails, when make check takes more than 12 minutes, or when a file outside
# changes.
#
# usage: fresh.sh DIRECTORY_FOR_ROOTS [ROOT...]
#
# A ROOT is SUITE-WAY[-COMMAND]. The suites are bookworm and trixie. The ways:
#   pivot      pivot_root into a mount namespace with a /dev of its own, as on a machine of its own
#   chroot     chroot, with the few devices that debootstrap makes: no user namespaces, no loop devices
#   container  as Docker does it by default: few capabilities, no mounts, no namespaces, no io_uring
#   user       pivot, as a user who is not root; what the commands need is installed before
#   ENOSYS     pivot, behind a filter that answers all AIO system calls so; EPERM the same
# The roots of trixie have deb822 sources, without source packages. With a COMMAND (demo, check or check-long)
# only that runs. Without ROOTs: pivot and chroot of both suites. The commit is that of the checkout.
# DIRECTORY keeps base-* for the next time, and SUITE-WAY with its build/logs.
#
# Needs root, debootstrap, a network, and 5 GB for each root.
set -eu -o pipefail

[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
mkdir -p "$1"
work=$(realpath "$1")
shift
[ $# != 0 ] || set -- bookworm-pivot bookworm-chroot trixie-pivot trixie-chroot
[ "$(id -u)" = 0 ] || { echo "$0: must be run as root, to make roots" >&2; exit 1; }
export LC_ALL=C
failed=0 table=

# Files outside of the roots that a command could spoil, because it runs as root.
devices() { stat -c '%n %F %t:%T %a %u %g' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty; }
begin=$(mktemp)
trap 'rm -f "$begin"' EXIT
changed() {
	find /dev /etc /usr /boot /opt -xdev -newercm "$begin" ! -type c ! -type b ! -path '/dev/shm*' \
		! -path /dev/pts ! -path /dev ! -path "$work/*" 2>/dev/null
}

# The commands as they stand in README: what brings make, and the two.
line() { sed -n "s/^    \($1\)\( *#.*\)\?$/\1/p" "$project/README.md"; }
preparation=$(line 'apt-get update && apt-get install make')
mapfile -t commands < <(line 'make [a-z]*')
if [ -z "$preparation" ] || [ "${commands[*]:0:2}" != 'make demo make check' ]; then
	echo "$0: README has other commands than this script reads: $preparation, ${commands[*]}" >&2
	exit 2
fi

# in_root WAY COMMAND: in $root; its status
in_root() {
	local way=$1 wrapper='' entry=pivot
	case $way in
	chroot) entry=chroot ;;
	container) entry=container ;;
	user) wrapper='runuser -u somebody --' ;;
	ENOSYS | EPERM) wrapper="/root/refuse $way" ;;
	esac
	WRAPPER=$wrapper "$here/root.sh" "$entry" "$root" "$2"
}

# command_in NAME WAY: runs "make NAME" in $root, and adds to the table
command_in() {
	local name=$1 way=$2 from=$SECONDS status=0 directory=/root/libaio-rs
	[ "$way" != user ] || directory=/home/somebody/libaio-rs
	echo "--- $suite, $way: make $name"
	in_root "$way" "cd $directory && make $name" 2>&1 | tee "$root.$name.log" || status=$?
	if [ "$name" = check ] && [ $((SECONDS - from)) -gt 720 ]; then
		echo "make check took more than 12 minutes"
		status=1
	fi
	table+=$(printf '%-22s make %-11s %3d min %2d s   %s  %s' "$suite-$way" "$name" $(((SECONDS - from) / 60)) \
		$(((SECONDS - from) % 60)) "$([ "$status" = 0 ] && echo passed || echo FAILED)" "$(tail -n 1 "$root.$name.log")")$'\n'
	[ "$status" = 0 ] || failed=$((failed + 1))
}

before=$(devices)
for each; do
	IFS=- read -r suite way only <<<"$each"
	case $suite/$way in
	bookworm/* | trixie/*) ;;
	*) echo "$0: there is no suite $suite" >&2 && exit 2 ;;
	esac
	case $way in
	pivot | chroot | container | user | ENOSYS | EPERM) ;;
	*) echo "$0: there is no way $way" >&2 && exit 2 ;;
	esac
	"$here/root.sh" minimal "$work/base-$suite" "$suite"
	root=$work/$suite-$way
	"$here/root.sh" copy "$work/base-$suite" "$root"
	git clone -q --no-hardlinks "$project" "$root/root/libaio-rs"
	if [ "$suite" = trixie ]; then
		rm "$root/etc/apt/sources.list"
		printf '%s\n' 'Types: deb' 'URIs: http://deb.debian.org/debian' 'Suites: trixie' 'Components: main' \
			'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' >"$root/etc/apt/sources.list.d/debian.sources"
	fi
	in_root chroot "$preparation -y" >"$root.log" 2>&1 || { tail -20 "$root.log"; exit 1; }
	case $way in
	user)
		in_root pivot 'useradd -m somebody && mv /root/libaio-rs /home/somebody && chown -R somebody: /home/somebody &&
			cd /home/somebody/libaio-rs && ./install-tools.sh demo && ./install-tools.sh check' >"$root.log" 2>&1 ||
			{ tail -20 "$root.log"; exit 1; }
		;;
	ENOSYS | EPERM) compile "$root/root/refuse" "$project/c-tests/without-aio/refuse.c" -static ;;
	esac
	for name in ${only:-${commands[0]#make } ${commands[1]#make }}; do
		command_in "$name" "$way"
	done
done
printf '\n%s' "$table"
if [ "$(devices)" != "$before" ] || [ -n "$(changed)" ]; then
	echo "FAILED: files of this machine have changed:"
	diff <(echo "$before") <(devices) || true
	changed
	failed=$((failed + 1))
fi
[ $failed = 0 ]
