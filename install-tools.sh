#!/usr/bin/env bash
# Installs what a make target needs on a Debian or Ubuntu machine: packages with apt-get (through sudo
# when you are not root) and, where rustup is in use, Rust standard libraries for other architectures.
# Says what it does, and does nothing when all is there. On Fedora and Arch it installs nothing: it names
# the packages that `make` and `make demo` need.
#
# usage: install-tools.sh build|demo|check|check-long|check-fresh|architectures|programs|posix-programs|sources|without-aio
#        install-tools.sh missing build|...       only says what is missing, and how to get it
set -eu

rust_minimum=1.85
here=$(dirname "$0")

fail() {
	echo "$0: $*" >&2
	exit 1
}

# What each system calls it. A Debian name with | is another one where the first does not exist.
#   command    Debian               Fedora         Arch
build_names='
    cc         gcc                  gcc            gcc
    -          libc6-dev            glibc-devel    glibc
    make       make                 make           make
    objcopy    binutils             binutils       binutils
    -          ca-certificates      -              -'
rust_names='
    cargo      -                    cargo          rust'
demo_names='
    fio        fio                  fio            fio
    jq         jq                   jq             jq
    -          libaio1|libaio1t64|libaio1-rs|libaio1t64-rs  libaio  libaio'

only_says=
if [ "${1-}" = missing ]; then
	only_says=yes
	shift
fi
target=${1-}
# What else the target needs, and what it can do without: tests that want it are skipped where no package has it.
more='' optional=''
case $target in
demo | without-aio | programs) ;;
*) demo_names= ;;
esac
case $target in
build | demo) ;;
check | check-long)
	more='g++ gcc-multilib g++-multilib clang lld libclang-rt-dev dpkg-dev e2fsprogs abigail-tools shellcheck
		mandoc pkg-config cmake meson ninja-build file'
	optional='mold binutils-gold'
	if [ "$target" = check-long ]; then
		more="$more jq"
		optional="$optional fio git rpm elfutils makepkg pacman-package-manager libarchive-tools"
	fi
	;;
check-fresh) more=debootstrap ;;
architectures) more='gcc-multilib clang dpkg-dev qemu-user musl-tools' ;;
without-aio) more='gcc-multilib dpkg-dev e2fsprogs sysbench qemu-utils' ;;
programs) more="dpkg-dev $(sed -n "s/^packages='\(.*\)'$/\1/p" "$here"/checks/applications/rows/*.sh | tr '\n' ' ')" ;;
posix-programs) more=$(sed -n "s/^packages='\(.*\)'$/\1/p" "$here"/checks/applications/posix-rows/*.sh | tr '\n' ' ') ;;
sources) more="dpkg-dev $(sed -n "s/^needs='\(.*\)'$/\1/p" "$here"/checks/applications/sources/*.sh | tr '\n' ' ')" ;;
*)
	sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
# column NUMBER: the names in that column of the tables for this target
column() { awk -v n="$1" 'NF && $n != "-" { print $n }' <<<"$build_names$rust_here$demo_names" | tr '\n' ' '; }

rust_is_here() {
	command -v cargo >/dev/null && command -v rustc >/dev/null &&
		printf '%s\n%s\n' "$rust_minimum" "$(rustc --version 2>/dev/null | cut -d' ' -f2)" | sort -CV
}
rust_here=
if ! rust_is_here; then
	rust_here=$rust_names
	! command -v rustup >/dev/null || fail "rustup is here, but no Rust $rust_minimum or newer. Get one with: rustup update stable && rustup default stable"
fi

# --- other systems than Debian's --------------------------------------------------------------

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	case $target in build | demo) ;; *) fail "'make $target' compares with Debian's packages: it needs Debian or Ubuntu, a container of it is enough" ;; esac
	absent=
	for command in $(column 1); do
		case $command in
		cargo) rust_is_here || absent="$absent Rust-$rust_minimum" ;;
		*) command -v "$command" >/dev/null || absent="$absent $command" ;;
		esac
	done
	if [ "$target" = demo ] && ! ldconfig -p 2>/dev/null | grep -q 'libaio\.so\.1'; then absent="$absent libaio.so.1"; fi
	[ -n "$absent" ] || exit 0
	if command -v dnf >/dev/null; then
		fail "missing:$absent. Install with: dnf install $(column 3)"
	elif command -v pacman >/dev/null; then
		fail "missing:$absent. Install with: pacman -S --needed $(column 4)"
	fi
	fail "missing:$absent"
fi

# --- Debian and Ubuntu ------------------------------------------------------------------------

case $target/$(dpkg --print-architecture) in
build/* | demo/* | */amd64) ;;
*) fail "'make $target' is written for x86-64: elsewhere there are 'make', 'make demo' and 'cargo test'" ;;
esac

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
candidate() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([^(].*\)/\1/p'; }

# choose NAME|NAME...: the one that is installed, else the first that this release has, else the first
choose() {
	local name
	for name in ${1//|/ }; do
		if installed "$name"; then
			echo "$name"
			return
		fi
	done
	for name in ${1//|/ }; do
		if [ -n "$(candidate "$name")" ]; then
			echo "$name"
			return
		fi
	done
	echo "${1%%|*}"
}

# Debian 12's rustc is too old; its newer one has another name. Ubuntu 24.04 has rustup.
choose_rust() {
	local suffix old
	# One that is installed and too old stands in the way of the others.
	if installed rustc; then
		old=$(dpkg-query -W -f '${Version}' rustc)
		dpkg --compare-versions "$old" ge "$rust_minimum" ||
			fail "rustc $old is installed, and too old. Remove it ('apt-get remove rustc cargo') and run this again"
	fi
	for suffix in '' -web; do
		if dpkg --compare-versions "$(candidate "rustc$suffix")" ge "$rust_minimum"; then
			echo "rustc$suffix cargo$suffix"
			return
		fi
	done
	[ -z "$(candidate rustup)" ] || echo rustup
}

# The formatter and the linter are packages of their own, beside the compiler that Debian packages.
rust_tools() {
	if installed rustc-web; then
		echo 'rustfmt-web rust-web-clippy'
	elif installed rustc && ! command -v rustup >/dev/null; then
		echo 'rustfmt rust-clippy'
	fi
}

# find_missing: sets missing, from the package lists as they are
find_missing() {
	local each packages
	missing=
	# shellcheck disable=SC2046 # words
	packages=$(for each in $(column 2) $more; do choose "$each"; done)
	for each in $packages; do
		installed "$each" || missing="$missing $each"
	done
	for each in $optional; do
		installed "$each" || [ -z "$(candidate "$each")" ] || missing="$missing $each"
	done
	if [ -n "$rust_here" ]; then
		each=$(choose_rust)
		missing="$missing ${each:-Rust-$rust_minimum}"
	fi
	case $target:$missing in
	check*:*rustc-web*) missing="$missing rustfmt-web rust-web-clippy" ;;
	check*:*rustc*) missing="$missing rustfmt rust-clippy" ;;
	check*)
		for each in $(rust_tools); do
			installed "$each" || missing="$missing $each"
		done
		;;
	esac
}

find_missing
if [ "$only_says" = yes ]; then
	[ -z "$missing" ] || fail "missing:$missing. Install with: $here/install-tools.sh $target"
	exit 0
fi
if [ -n "$missing" ]; then
	as_root=
	if [ "$(id -u)" != 0 ]; then
		as_root=sudo
		command -v sudo >/dev/null || fail "missing:$missing. Run '$0 $target' as root, once"
	fi
	$as_root apt-get -qq update >/dev/null || true # one list of many may fail
	find_missing
	[ -n "$(candidate make)" ] || fail "apt knows no packages: check the network, and the sources in /etc/apt"
	case $missing in *" Rust-$rust_minimum"*) fail "this release has no Rust $rust_minimum or newer: install it with rustup, https://rustup.rs" ;; esac
	echo "installing with apt-get:$missing"
	log=$(mktemp)
	# shellcheck disable=SC2086 # lists of words
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-remove --no-install-recommends \
		$missing >"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		fail "apt-get could not install:$missing. 'apt-get install' of these says more; a package that is installed may stand in the way"
	}
	rm -f "$log"
	case $missing in *' rustup'*)
		echo "installing with rustup: the stable Rust"
		rustup -q default stable || fail "rustup could not install Rust"
		;;
	esac
fi

# --- Rust, where rustup is in use -------------------------------------------------------------

case $target in
check) targets= ;;
check-long) targets='i686-unknown-linux-gnu aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf
	powerpc64le-unknown-linux-gnu s390x-unknown-linux-gnu riscv64gc-unknown-linux-gnu' ;;
architectures) targets='i686-unknown-linux-gnu aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf
	powerpc64le-unknown-linux-gnu s390x-unknown-linux-gnu riscv64gc-unknown-linux-gnu x86_64-unknown-linux-musl
	i686-unknown-linux-musl armv7-unknown-linux-musleabihf' ;;
*) exit 0 ;;
esac
command -v rustup >/dev/null || exit 0
# Without these their checks are skipped, and counted as skipped.
rustup -q component add rustfmt clippy >/dev/null 2>&1 || echo "could not install rustfmt and clippy, and go on without"
have=$(rustup target list --installed)
for each in $targets; do
	case $have in *"$each"*) continue ;; esac
	echo "installing with rustup: $each"
	rustup -q target add "$each" >/dev/null 2>&1 || echo "could not install $each"
done
[ "$target" = check-long ] || exit 0
# Miri interprets the unit tests, for other byte orders and word sizes too. Not a reason to install a
# nightly compiler.
if rustup toolchain list | grep -q '^nightly' && ! cargo +nightly miri --version >/dev/null 2>&1; then
	echo "installing with rustup: miri"
	rustup -q component add --toolchain nightly miri rust-src >/dev/null 2>&1 || echo "could not install miri"
fi
if ! rustup toolchain list | grep -q "^$rust_minimum"; then
	echo "installing with rustup: Rust $rust_minimum, the oldest that may build the library"
	rustup -q toolchain install "$rust_minimum.0" --profile minimal >/dev/null 2>&1 ||
		echo "could not install Rust $rust_minimum"
fi
