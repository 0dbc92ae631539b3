#!/usr/bin/env bash
# Source compatibility: the files of Debian's source packages that use libaio are compiled with Debian's
# header and with ours, and linked with our library. Ours must give no warning that the other does not.
# Prints a row for each package, and totals.
#
# usage: compile-sources.sh BUILD ORIGINAL [PACKAGE...]
#
# BUILD is the Makefile's build directory, ORIGINAL what checks/original/obtain.sh filled, a PACKAGE one of
# sources/PACKAGE.sh (all when none is named). The sources are downloaded with apt-get; a package whose
# source cannot be had is skipped. All stays in BUILD/sources.
#
# sources/PACKAGE.sh says how: configure and compile are run in the package's directory, and leave
# $objects, or $program, linked with -laio. They may use $header and $library, where libaio.h and
# libaio.so are; the compiler looks there first anyway.
set -eu
export LC_ALL=C

[ $# -ge 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$(realpath "$1")
original=$(realpath "$2")
shift 2
here=$(dirname "$(realpath "$0")")
# shellcheck source=checks/harness/apt.sh
. "$here/../harness/apt.sh"
apt=$build/apt
# Seconds for one step of one package.
limit=600

[ $# != 0 ] || { cd "$here/sources" && set -- *.sh; }
mkdir -p "$build/sources"
cd "$build/sources"

# One place for either header, so that messages name the same file.
header=$PWD/header library=$PWD/library
rm -rf header library compilers
mkdir header library compilers
cp -d "$build"/libaio.so* library
export CPATH=$header LIBRARY_PATH=$library

# The compilers, with more warnings, and none an error. What they say goes to $WARNINGS as well, and which
# source file read which libaio.h to $WARNINGS.read.
for compiler in cc gcc c++ g++; do
	real=$(command -v $compiler) || { echo "$0: $compiler is missing: run ./install-tools.sh sources" >&2; exit 1; }
	cat >compilers/$compiler <<-END
		#!/bin/bash
		case "\${WARNINGS-} \$* " in " "*) exec $real "\$@" ;; *" -c "*) ;; *) exec $real "\$@" ;; esac
		status=0
		said=\$(mktemp)
		for word; do shift; case \$word in -Werror=*) set -- "\$@" "-W\${word#-Werror=}" ;; -Werror) ;; *) set -- "\$@" "\$word" ;; esac; done
		$real "\$@" -Wall -Wextra -Wno-error -fdiagnostics-plain-output -H 2>"\$said" || status=\$?
		source=
		for word; do case \$word in *.c | *.cc | *.cpp) source=\${word##*/} ;; esac; done
		sed -n "s|^\.* \(/.*/libaio\.h\)\$|\$source \1|p" "\$said" >>"\$WARNINGS.read"
		sed -E '/^\.+ /d; /^Multiple include guards/d; /^[^: ]+\$/d' "\$said" | tee -a "\$WARNINGS" >&2
		rm "\$said"
		exit \$status
	END
	chmod +x compilers/$compiler
done
PATH=$PWD/compilers:$PATH
export CC=cc CXX=c++

nm -D --defined-only library/libaio.so.1 | sed -n 's/.* T \(io_[a-z_]*\)@.*/\1/p' | sort -u >functions
[ -s functions ]

# obtain PACKAGE: its source in a directory of that name, as Debian has it; sets $version.
obtain() {
	if [ ! -e "$1.version" ]; then
		rm -rf "$1" "$1".download
		mkdir "$1".download
		(cd "$1".download && get_today source --download-only "$1") >"$1.log" 2>&1 || return 1
		dpkg-source --extract --no-check "$1".download/*.dsc "$1" >>"$1.log" 2>&1 || return 1
		sed -n 's/^Version: //p' "$1".download/*.dsc | head -n 1 >"$1.version"
		rm -rf "$1".download
	fi
	version=$(cat "$1.version")
}

# recipe PACKAGE STEP: one step of sources/PACKAGE.sh.
recipe() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	(cd "$1" && header=$header library=$library timeout $limit bash -euc '. "$0"; '"$2" "$here/sources/$1.sh") >>"$1.log" 2>&1 </dev/null
}

# setting PACKAGE NAME
# shellcheck source=/dev/null
setting() { (. "$here/sources/$1.sh" && eval "echo \"\${$2-}\""); }

# links PACKAGE RESULTS PROGRAM: whether every function of libaio that the results need is found, with
# its version, in our library. Objects are linked into something that is not run, other symbols missing.
links() {
	local linked=$1/$3 function needed=0
	if [ -z "$3" ]; then
		linked=$1.linked
		# shellcheck disable=SC2086 # a list of files without blanks
		(cd "$1" && cc -nostdlib -pie -Wl,--unresolved-symbols=ignore-all,--defsym=__dso_handle=0,--defsym=_start=0 -o "../$linked" $2 -L"$library" -laio) || return 1
	else
		LD_LIBRARY_PATH=$library ldd -r "$linked" >"$1.ldd" 2>&1 || return 1
		grep -q "libaio.so.1 => $library/" "$1.ldd" || return 1
		! grep -E 'undefined symbol|not found' "$1.ldd" || return 1
	fi
	readelf -d "$linked" | grep -q 'NEEDED.*\[libaio\.so\.1\]' || return 1
	while read -r function; do
		case $(nm -D --undefined-only "$linked" | grep -E " $function(@|$)") in
		'') ;;
		*"$function@LIBAIO_"*) needed=$((needed + 1)) ;;
		*) echo "$function is not found" && return 1 ;;
		esac
	done <functions
	found=$needed
	[ $needed != 0 ]
} >>"$1.log" 2>&1

# try PACKAGE: sets $files, $warnings, $new, $found; prints why it cannot.
try() {
	local results program which
	program=$(setting "$1" program)
	results=$(setting "$1" objects)
	cp "$here/../../include/libaio.h" header || return
	if [ ! -e "$1.configured" ]; then
		recipe "$1" configure || { why='cannot be configured'; return 1; }
		touch "$1.configured"
	fi
	for which in C ours; do
		case $which in
		C) cp "$original/amd64/usr/include/libaio.h" header ;;
		ours) cp "$here/../../include/libaio.h" header ;;
		esac
		# All anew: what was compiled with the other header is not to be taken.
		find "$1" -name '*.o' -delete
		[ -z "$program" ] || rm -f "$1/$program"
		: >"$1.$which"
		: >"$1.$which.read"
		WARNINGS=$PWD/$1.$which recipe "$1" compile || { why="cannot be compiled ($which)"; return 1; }
		[ -s "$1.$which.read" ] || { why="libaio.h was not read ($which)"; return 1; }
		# Nobody may have found another header.
		! grep -v " $header/libaio.h\$" "$1.$which.read" >>"$1.log" || { why="another libaio.h was read ($which)"; return 1; }
		# The headers' own lines differ.
		grep 'warning:' "$1.$which" | sed "s|$header/libaio.h:[0-9:]*|libaio.h:|" | sort >"$1.$which.warnings" || true
	done
	files=$(cut -d' ' -f1 "$1.ours.read" | sort -u | wc -l)
	warnings=$(wc -l <"$1.ours.warnings")
	comm -13 "$1.C.warnings" "$1.ours.warnings" >"$1.new"
	new=$(wc -l <"$1.new")
	[ "$new" = 0 ] || { cat "$1.new" >&2; why='new warnings'; return 1; }
	links "$1" "$results" "$program" || { why='does not link'; return 1; }
}

format='%-24s %-26s %6s %9s %5s  %s\n'
# shellcheck disable=SC2059 # the format is a constant
row() { printf "$format" "$@"; }
began=$SECONDS
passed=0 failed=0 skipped=0
row source version files warnings new 'linked with ours'
for package; do
	package=${package%.sh}
	[ -e "$here/sources/$package.sh" ] || { echo "$0: there is no sources/$package.sh" >&2; exit 2; }
	files=- warnings=- new=- found=- why=
	if ! obtain "$package"; then
		skipped=$((skipped + 1))
		row "$package" - - - - "SKIP: its source cannot be downloaded, see $build/sources/$package.log"
	elif try "$package"; then
		passed=$((passed + 1))
		row "$package" "$version" "$files" "$warnings" "$new" "PASS: $found functions, $(setting "$package" program || true)"
	else
		failed=$((failed + 1))
		row "$package" "$version" "$files" "$warnings" "$new" "FAIL: $why, see $build/sources/$package.log"
	fi
done
echo "sources: $passed passed, $failed failed, $skipped skipped, in $((SECONDS - began)) s"
[ $failed = 0 ] && [ $passed != 0 ]
