#!/usr/bin/env bash
# Builds the Debian packages in clean roots without a network, and tests them there: lintian, contents,
# symbols, debug information, autopkgtests, both architectures together, and swaps with the C library's
# package under installed programs. Debian 12 for amd64 and i386, and the flavour for Debian 13.
#
# usage: packages.sh DIRECTORY_FOR_ROOTS [SUITE-ARCHITECTURE...]
#
# Needs root, debootstrap, some 6 GB and a network (for everything but the builds). The first argument's
# base-* stay there for the next time. The packages are left in DIRECTORY/packages.
set -eu

[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../..")
mkdir -p "$1/packages"
work=$(realpath "$1")
shift
[ $# != 0 ] || set -- bookworm-amd64 bookworm-i386 trixie-amd64
[ "$(id -u)" = 0 ] || { echo "$0: must be run as root, to make roots and install packages in them" >&2; exit 1; }

fail() {
	echo "FAILED: $*" >&2
	exit 1
}
ok() { echo "ok: $target: $*"; }
in_root() { "$here/root.sh" pivot "$root" "$1"; }
# quietly COMMAND: what it prints matters only when it fails.
quietly() { in_root "$1" >"$root.log" 2>&1 || { tail -40 "$root.log" >&2; fail "$target: $1"; }; }

# for_target SUITE-ARCHITECTURE: sets what differs.
for_target() {
	target=$1
	suite=${1%-*} architecture=${1#*-}
	debs=$work/packages/$target
	case $suite in
	trixie) ours=libaio1t64-rs theirs=libaio1t64 profiles=pkg.libaio-rs.t64 ;;
	*) ours=libaio1-rs theirs=libaio1 profiles= ;;
	esac
	case $architecture in
	amd64) directory=usr/lib/x86_64-linux-gnu ;;
	i386) directory=usr/lib/i386-linux-gnu ;;
	*) fail "no directory is known for $architecture" ;;
	esac
}

# The source's files with their sums; what git ignores may be new.
source_state() (
	cd "$root/build/libaio-rs"
	export GIT_DIR=$root.git GIT_WORK_TREE=.
	git init -q
	git ls-files -z --others --exclude-standard | LC_ALL=C sort -z | xargs -0 sha256sum
)

build() {
	root=$work/build-$target
	"$here/root.sh" make "$work/base-$target" "$suite" "$architecture"
	"$here/root.sh" copy "$work/base-$target" "$root"
	mkdir -p "$root/build/libaio-rs"
	(cd "$project" && git ls-files -z --cached --others --exclude-standard | tar c --null -T -) | tar x -C "$root/build/libaio-rs"
	source_state >"$root.before"
	quietly "cd /build/libaio-rs && apt-get -q install -y --no-install-recommends build-essential pkg-config &&
		apt-get -q build-dep -y --no-install-recommends -P '$profiles' ./"
	OFFLINE=1 quietly "cd /build/libaio-rs && ! getent hosts deb.debian.org &&
		dpkg-buildpackage -us -uc --build-profiles='$profiles'"
	grep '^C programs: ' "$root.log"
	source_state | diff "$root.before" - || fail "$target: dpkg-buildpackage changes the source"
	rm -rf "$debs"
	mkdir -p "$debs"
	find "$root/build" -maxdepth 1 -type f -exec cp -t "$debs" {} +
	ok "builds offline with $(in_root 'rustc --version') and $(in_root "dpkg-query -Wf '\${Package} \${Version}' librust-libc-dev")"
	(cd "$debs" && stat -c '    %s bytes  %n' ./*.deb)
}

lint() {
	quietly 'apt-get -q install -y --no-install-recommends lintian'
	# One source for two releases states the older release's version of the policy.
	quietly 'cd /build && lintian --allow-root --suppress-tags out-of-date-standards-version --display-info --pedantic --fail-on error,warning,info,pedantic ./*.changes'
	in_root 'cd /build && lintian --allow-root --show-overrides ./*.changes 2>/dev/null' | sed 's/^/    /'
	ok 'lintian is silent, but for the overrides above'
}

# files PACKAGE: the names of the files and links in it.
files() { dpkg-deb --fsys-tarfile "$debs/$1"_*_"$architecture".deb | tar t | sed -n 's|^\./||; /[^/]$/p' | LC_ALL=C sort; }

contents() {
	local names='libaio.so.1 libaio.so.1.0.0 libaio.so.1.0.2 libaio.so.1t64'
	{
		for name in $names; do echo "$directory/$name"; done
		printf "usr/share/doc/$ours/%s\n" changelog.gz copyright
		echo "usr/share/lintian/overrides/$ours"
	} | LC_ALL=C sort >"$root.wanted"
	files "$ours" | diff -u "$root.wanted" - || fail "$ours does not contain what it should"
	{
		printf '%s\n' usr/include/libaio.h "$directory"/{libaio.a,libaio.so,pkgconfig/libaio.pc} \
			"$directory"/cmake/libaio/libaio-config{,-version}.cmake
		printf 'usr/share/doc/libaio-rs-dev/%s\n' changelog.gz copyright
		(cd "$project/man" && for page in *.3 libaio.7; do echo "usr/share/man/man${page##*.}/$page.gz"; done)
	} | LC_ALL=C sort >"$root.wanted"
	files libaio-rs-dev | diff -u "$root.wanted" - || fail 'libaio-rs-dev does not contain what it should'
	{
		echo "$directory/libposixaio.so.1"
		echo "$directory/libposixaio.so.1.0.0"
		printf 'usr/share/doc/libposixaio1/%s\n' changelog.gz copyright
	} | LC_ALL=C sort >"$root.wanted"
	files libposixaio1 | diff -u "$root.wanted" - || fail 'libposixaio1 does not contain what it should'
	{
		printf '%s\n' "$directory"/{libposixaio.a,libposixaio.so,pkgconfig/libposixaio.pc} \
			"$directory"/cmake/libposixaio/libposixaio-config{,-version}.cmake
		printf 'usr/share/doc/libposixaio-dev/%s\n' changelog.gz copyright
		(cd "$project/man" && for page in *.3posixaio; do echo "usr/share/man/man3/$page.gz"; done)
		echo usr/share/man/man7/libposixaio.7.gz
	} | LC_ALL=C sort >"$root.wanted"
	files libposixaio-dev | diff -u "$root.wanted" - || fail 'libposixaio-dev does not contain what it should'
	{
		echo "$directory/libsolarisaio.so.1"
		echo "$directory/libsolarisaio.so.1.0.0"
		printf 'usr/share/doc/libsolarisaio1/%s\n' changelog.gz copyright
	} | LC_ALL=C sort >"$root.wanted"
	files libsolarisaio1 | diff -u "$root.wanted" - || fail 'libsolarisaio1 does not contain what it should'
	{
		echo usr/include/sys/asynch.h
		printf '%s\n' "$directory"/{libsolarisaio.a,libsolarisaio.so,pkgconfig/libsolarisaio.pc} \
			"$directory"/cmake/libsolarisaio/libsolarisaio-config{,-version}.cmake
		printf 'usr/share/doc/libsolarisaio-dev/%s\n' changelog.gz copyright
		(cd "$project/man" && for page in *.3solarisaio; do echo "usr/share/man/man3/$page.gz"; done)
		echo usr/share/man/man7/libsolarisaio.7.gz
	} | LC_ALL=C sort >"$root.wanted"
	files libsolarisaio-dev | diff -u "$root.wanted" - || fail 'libsolarisaio-dev does not contain what it should'
	{
		echo usr/bin/aioinfo
		printf 'usr/share/doc/aioinfo/%s\n' changelog.gz copyright
		printf 'usr/share/%s\n' bash-completion/completions/aioinfo fish/vendor_completions.d/aioinfo.fish \
			lintian/overrides/aioinfo man/man8/aioinfo.8.gz zsh/vendor-completions/_aioinfo
	} | LC_ALL=C sort >"$root.wanted"
	files aioinfo | diff -u "$root.wanted" - || fail 'aioinfo does not contain what it should'
	ok "$ours, libaio-rs-dev, the packages of libposixaio and libsolarisaio, and aioinfo contain what they should and nothing else"
}

symbols() {
	# The C package's own symbols file, the names that only 32-bit ours has apart.
	in_root "cd /tmp && rm -rf symbols && mkdir symbols && cd symbols && apt-get -qq -o APT::Sandbox::User=root download $theirs &&
		dpkg-deb -e ./*.deb theirs && dpkg-deb -x /build/${ours}_*.deb ours &&
		cp theirs/symbols expected &&
		if [ $suite-$architecture = bookworm-i386 ]; then
			echo ' LIBAIO_0.6@LIBAIO_0.6 0.4.0~
 io_getevents_time64@LIBAIO_0.6 0.4.0~
 io_pgetevents_time64@LIBAIO_0.6 0.4.0~' >>expected; fi &&
		mkdir debian && cp /build/libaio-rs/debian/control debian &&
		DEB_BUILD_PROFILES='$profiles' dpkg-gensymbols -c4 -v0.4.0 -p$ours -Iexpected -Pours -Oresult"
	ok "dpkg-gensymbols -c4 accepts the library with the symbols file of the C library's package"

	# A package that is built with ours: the swap tests install it with either library.
	quietly "apt-get -q install -y --no-install-recommends /build/${ours}_*.deb /build/libaio-rs-dev_*.deb"
	quietly "cd /tmp && rm -rf one-write && mkdir -p one-write/debian one-write/tree/DEBIAN one-write/tree/usr/bin && cd one-write &&
		cc /build/libaio-rs/c-tests/linking/one_write.c -o tree/usr/bin/one-write-$architecture \$(pkg-config --cflags --libs libaio) &&
		printf 'Source: one-write\n\nPackage: one-write\nArchitecture: any\n' >debian/control &&
		dpkg-shlibdeps -O tree/usr/bin/one-write-$architecture | sed 's/shlibs:Depends=//' >depends &&
		printf 'Package: one-write-$architecture\nVersion: 1\nArchitecture: $architecture\nMaintainer: none\nDescription: test\nDepends: %s\n' \
			\"\$(cat depends)\" >tree/DEBIAN/control &&
		dpkg-deb --root-owner-group -b tree /build/one-write.deb"
	cp "$root/build/one-write.deb" "$debs/one-write-$architecture.deb"
	[ "$(sed 's/, /\n/g' "$root/tmp/one-write/depends" | grep libaio)" = "$theirs (>= 0.3.93)" ] ||
		fail "a program built with ours depends on $(cat "$root/tmp/one-write/depends")"
	ok "a program built with ours depends on: $(cat "$root/tmp/one-write/depends")"

	[ "$target" = bookworm-i386 ] || return 0
	# shellcheck disable=SC2016 # for the inner shell
	in_root 'cd /tmp/one-write && cc -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64 /build/libaio-rs/c-tests/linking/one_write.c \
		-o one-write $(pkg-config --cflags --libs libaio) && dpkg-shlibdeps -O one-write 2>/dev/null' >"$root.log"
	grep -q 'libaio1-rs (>= 0\.4\.0~)' "$root.log" || fail "a program with 64-bit timeouts has $(cat "$root.log")"
	ok "a program with timeouts of 64 bits, which the C library there does not know: $(cat "$root.log")"
}

debug_information() {
	quietly "cd /tmp && rm -rf debug && for each in $ours $ours-dbgsym; do dpkg-deb -x /build/\${each}_*.deb debug; done"
	# shellcheck disable=SC2016 # for the inner shell
	in_root "$(printf 'cd /tmp/debug && library=%s/libaio.so.1.0.2 &&' "$directory")"'
		id=$(readelf -n $library | sed -n "s/.*Build ID: //p") &&
		debug=usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug &&
		address=$(nm -D $library | sed -n "s/ T io_submit@.*//p") &&
		addr2line -e $debug $address' >"$root.log" || fail 'the debug package has no file for the library'
	grep -q '^/usr/src/libaio-rs/src/entry\.rs:[1-9]' "$root.log" || fail "io_submit is at $(cat "$root.log")"
	ok "debug symbols: io_submit is at $(cat "$root.log")"
}

autopkgtests() {
	quietly 'apt-get -q install -y --no-install-recommends autopkgtest'
	local status=0
	in_root 'cd /build && autopkgtest --no-built-binaries ./lib*.deb ./aioinfo_*.deb libaio-rs/ -- null' >"$root.log" 2>&1 || status=$?
	# 2: none failed, some were skipped.
	case $status in
	0) ;;
	2) skipped=$((skipped + 1)) ;;
	*) tail -40 "$root.log" >&2; fail "$target: autopkgtest" ;;
	esac
	sed -n -E 's/^(original suite|C programs): /    &/p' "$root.log"
	sed -n '/@ summary$/,$s/^[a-z-]* *\(PASS\|SKIP\)/    &/p' "$root.log"
	ok 'no autopkgtest fails'
}

swap() {
	root=$work/swap-$target
	for order in last first; do
		"$here/root.sh" copy "$work/base-$target" "$root"
		mkdir "$root/packages"
		cp "$debs"/*.deb "$here/swap.sh" "$here/../harness/loaded.sh" "$root/packages"
		in_root "/packages/swap.sh /packages $ours $theirs $order" | sed "s/^ok/ok: $target/"
	done
}

# Both architectures of Debian 12 in one root: ours together, then the C library's, then ours.
together() {
	target=bookworm-amd64+i386 root=$work/together
	"$here/root.sh" copy "$work/base-bookworm-amd64" "$root"
	mkdir "$root/packages"
	cp "$work"/packages/bookworm-{amd64,i386}/*.deb "$root/packages"
	# One of the lists may fail: what matters is whether the packages come.
	quietly 'dpkg --add-architecture i386 && apt-get -q update || true'
	local install='apt-get -q install -y --no-install-recommends'
	# shellcheck disable=SC2016 # for the inner shell
	local run='one-write-amd64 && one-write-i386 && dpkg -S $(ldd /usr/bin/one-write-* | sed -n "s/.*libaio.* => \\([^ ]*\\) .*/\\1/p" | xargs realpath)'
	quietly "cd /packages && $install ./libaio1-rs_*_{amd64,i386}.deb ./libaio-rs-dev_*_{amd64,i386}.deb ./one-write-*.deb && $run"
	[ "$(grep -c '^libaio1-rs:.*: /' "$root.log")" = 2 ] || fail 'not both programs run on ours'
	ok 'libaio1-rs and libaio-rs-dev are installed together; a program of each runs'
	quietly "$install libaio1:amd64 libaio1:i386 && $run"
	[ "$(grep -c '^libaio1:.*: /' "$root.log")" = 2 ] || fail "not both programs run on the C library"
	quietly "cd /packages && $install ./libaio1-rs_*_{amd64,i386}.deb && $run"
	[ "$(grep -c '^libaio1-rs:.*: /' "$root.log")" = 2 ] || fail 'not both programs run on ours'
	ok 'swapped with both of libaio1 and back'
}

skipped=0
for each; do
	for_target "$each"
	build
	lint
	contents
	symbols
	debug_information
	autopkgtests
done
for each; do
	for_target "$each"
	[ "$architecture" != amd64 ] || swap
done
case " $* " in *' bookworm-amd64 '*' bookworm-i386 '*) together ;; esac
echo "packages: all passed, $skipped skipped"
