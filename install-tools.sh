#!/usr/bin/env bash
# Installs what a make target needs on a Debian or Ubuntu machine: packages with apt-get (through
# sudo when you are not root) and, where rustup is in use, Rust standard libraries for other
# architectures. Says what it does, and does nothing when all is there.
#
# usage: install-tools.sh build|demo|check|architectures|programs|sources|without-aio
set -eu

rust_minimum=1.85

rust=
if ! command -v cargo >/dev/null || ! printf '%s\n%s\n' "$rust_minimum" "$(rustc --version | cut -d' ' -f2)" | sort -CV; then
	# Debian's own rustc may be too old; the -web packages are its newer ones.
	rust='rustc-web cargo-web'
fi
packages="ca-certificates gcc libc6-dev make binutils $rust"
case ${1-} in
build) ;;
demo) packages="$packages fio libaio1 jq" ;;
check)
	packages="$packages g++ gcc-multilib g++-multilib clang lld libclang-dev libclang-rt-dev dpkg-dev e2fsprogs \
		abigail-tools shellcheck mandoc pkg-config cmake meson ninja-build git file fio rpm makepkg"
	# Debian has these in packages of their own; rustup's are looked after below.
	if [ -n "$rust" ] || dpkg-query -W rustc-web >/dev/null 2>&1; then
		packages="$packages rustfmt-web rust-web-clippy"
	fi
	;;
architectures) packages="$packages gcc-multilib clang dpkg-dev qemu-user musl-tools" ;;
without-aio) packages="$packages gcc-multilib dpkg-dev e2fsprogs fio jq libaio1 sysbench qemu-utils" ;;
programs)
	# Each row of the matrix says what it needs.
	packages="$packages dpkg-dev libaio1 $(sed -n "s/^packages='\(.*\)'$/\1/p" "$(dirname "$0")"/programs/rows/*.sh | tr '\n' ' ')"
	;;
sources)
	packages="$packages dpkg-dev $(sed -n "s/^needs='\(.*\)'$/\1/p" "$(dirname "$0")"/programs/sources/*.sh | tr '\n' ' ')"
	;;
*)
	sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac

missing=
for package in $packages; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
	as_root=
	if [ "$(id -u)" != 0 ]; then as_root='sudo'; fi
	echo "installing with apt-get:$missing"
	$as_root apt-get -qq update || true # one list of many may fail
	# shellcheck disable=SC2086 # lists of words
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-remove --no-install-recommends $missing ||
		{ echo "$0: apt-get could not install:$missing" >&2; exit 1; }
fi

# Other architectures: without them their checks are skipped, and counted as skipped.
case $1 in check) targets= ;; architectures) targets=x86_64-unknown-linux-musl ;; *) exit 0 ;; esac
command -v rustup >/dev/null || exit 0
rustup -q component add rustfmt clippy >/dev/null 2>&1 || echo "could not install rustfmt and clippy"
have=$(rustup target list --installed)
for target in i686-unknown-linux-gnu aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf \
	powerpc64le-unknown-linux-gnu s390x-unknown-linux-gnu riscv64gc-unknown-linux-gnu $targets; do
	case $have in *"$target"*) continue ;; esac
	echo "installing with rustup: $target"
	rustup -q target add "$target" >/dev/null 2>&1 || echo "could not install $target"
done
[ "$1" = check ] || exit 0
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
