#!/bin/sh
# The names that the POSIX library exports on an architecture, and their versions: glibc's own.
#
# usage: posix-names.sh ARCHITECTURE names|nodes
#
# names: a line for each, of three words: the function inside the library; its name with the version that programs
# are linked with, after "@@"; or with one that older programs ask for, after "@". nodes: a version script.
#
# ARCHITECTURE is a name as in "gcc -dumpmachine", up to the first "-". Source: the abilist files of glibc.
set -eu

architecture=$1 wanted=$2
# The version of the oldest names, whether lio_listio had another meaning then, and where a long has 32 bits.
old=GLIBC_2.17 has_old_list='' is_narrow='' new=GLIBC_2.34
case $architecture in
x86_64) old=GLIBC_2.2.5 has_old_list=1 ;;
i?86) old=GLIBC_2.1 has_old_list=1 is_narrow=1 ;;
s390x) old=GLIBC_2.2 has_old_list=1 ;;
arm*) old=GLIBC_2.4 is_narrow=1 ;;
aarch64 | powerpc64le) ;;
riscv64) old=GLIBC_2.27 ;;
loongarch64) old='' new=GLIBC_2.36 ;;
*)
	echo "$architecture: add its versions to $0" >&2
	exit 1
	;;
esac

# one FUNCTION NAME [VERSION]: with the versions that a name has
one() {
	[ -z "$old" ] || echo "$1 $2@$old"
	echo "$1 $2@@$new"
}

names() {
	for name in read write fsync error return suspend cancel; do
		one "posixaio_$name" "aio_$name"
		wide=posixaio_$name
		case $name in
		read | write | fsync) [ -z "$is_narrow" ] || wide=posixaio_${name}64 ;;
		esac
		one "$wide" "aio_${name}64"
	done
	one posixaio_init aio_init
	for width in '' 64; do
		inner=posixaio_listio
		[ -z "$is_narrow" ] || inner=posixaio_listio$width
		if [ "$has_old_list" ]; then
			echo "${inner}_old lio_listio$width@$old"
			echo "$inner lio_listio$width@GLIBC_2.4"
			echo "$inner lio_listio$width@@$new"
		else
			one "$inner" "lio_listio$width"
		fi
	done
	[ -z "$is_narrow" ] || echo "posixaio_suspend_time64 __aio_suspend_time64@@$new"
}

case $wanted in
names) names ;;
nodes)
	before=''
	for node in $(names | sed 's/.*@//' | sort -u -V); do
		echo "$node { global: $(names | sed -n "s/.* \(.*\)@$node\$/\1;/p" | tr -d @ | sort -u | tr '\n' ' ')$([ "$before" ] || echo 'local: *;') }$before;"
		before=" $node"
	done
	;;
esac
