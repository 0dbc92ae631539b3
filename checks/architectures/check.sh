#!/usr/bin/env bash
# Builds the library for every architecture and prints one line for each:
#
#   library   bytes of libaio.so.1.0.2, stripped
#   symbols   its dynamic symbols are the C library's, and it needs libc only: glibc 2.17, or the architecture's first
#   layout    the headers' structures, by the architecture's own compiler
#   calls     src/sys/numbers.rs against the architecture's kernel headers
#   units     the library's unit tests, under qemu-user
#   programs  C programs that need no kernel AIO, under qemu-user; for musl c-tests/programs, natively
#             where the machine can run them
#
# The last line says for how many targets of clang the header's structures are right.
#
# usage: check.sh BUILD ORIGINAL COMPILERS [NAME...]
#
# BUILD is the Makefile's build directory, ORIGINAL what checks/original/obtain.sh filled, COMPILERS what
# obtain-compilers.sh did. With NAMEs, only those lines. A log for each is left in BUILD/architectures.
set -eu

[ $# -ge 3 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1/architectures"
build=$(realpath "$1/architectures")
original=$(realpath "$2")
compilers=$(realpath "$3")
shift 3
chosen=" $* "
project=$(realpath "$(dirname "$0")/../..")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
PATH=$compilers/bin:$PATH
installed=$(rustc --print sysroot)/lib/rustlib
failed=0

# exported LIBRARY: defined dynamic symbols, with type, binding, visibility and version
exported() {
	readelf -W --dyn-syms "$1" | sed 's/\[<[^]]*\]//' | awk '$7 != "UND" && $5 == "GLOBAL" { print $4, $5, $6, $8 }' |
		LC_ALL=C sort
}
exported "$original/amd64/usr/lib/x86_64-linux-gnu/libaio.so.1.0.2" >"$build/exported.64"
{
	cat "$build/exported.64"
	for function in io_getevents_time64 io_pgetevents_time64; do
		echo "FUNC GLOBAL DEFAULT $function@@LIBAIO_0.6"
	done
	echo 'OBJECT GLOBAL DEFAULT LIBAIO_0.6'
} | LC_ALL=C sort >"$build/exported.32"
[ "$(wc -l <"$build/exported.64")" = 16 ] || { echo "$0: the C library's symbols cannot be read" >&2; exit 1; }

# The steps: each prints its cell of the table. They run for the architecture that these describe:
# name, target (Rust's), triplet (or - for this machine's), bits, order, qemu, cc, here, log.

build_library() {
	make -C "$project" BUILD="$here" RUST_TARGET="$target" CC="$cc" AR="${tools}ar" NM="${tools}nm" \
		OBJCOPY="${tools}objcopy" all
	"${tools}strip" -o "$here/stripped.so" "$here/libaio.so.1.0.2"
	stat -c %s "$here/stripped.so" >&3
}

check_symbols() { # LIBC: what the library may need
	exported "$here/libaio.so.1.0.2" | diff "$build/exported.$bits" -
	readelf -W -d "$here/libaio.so.1.0.2" >"$here/dynamic"
	grep -q 'Library soname: \[libaio\.so\.1\]' "$here/dynamic"
	[ "$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$here/dynamic")" = "$1" ]
	if grep -E 'TEXTREL|RPATH|RUNPATH' "$here/dynamic"; then return 1; fi
	# The newest version that it asks for.
	[ "$1" = libc.so ] || readelf -W -V "$here/libaio.so.1.0.2" | sed -n 's/.*Name: GLIBC_2\.\([0-9]*\).*/\1/p' |
		awk -v most="$([ "$name" = riscv64 ] && echo 27 || echo 17)" '{ bad += $1 + 0 > most } END { exit !NR || bad }'
	# Called at start: one function of the compiler's start files, one that reads the environment, and nothing else.
	[ "$(awk '$2 == "(INIT_ARRAYSZ)" { print $3 }' "$here/dynamic")" = $((2 * bits / 8)) ]
	echo ok >&3
}

check_layout() {
	local count
	$cc -std=c11 -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I"$project/include" \
		-DBITS="$bits" -DORDER="$order" "$project/c-tests/header/layout.c"
	$cc -std=c11 -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I"$project/include" -DBITS="$bits" "$project/c-tests/header/asynch.c"
	count=$(cat "$project"/c-tests/header/{layout,asynch}.c | grep -cE '^(FIELD|WHOLE|_Static_assert|HOLDS)\(')
	echo "$count" >&3
}

# The kernel headers' numbers become Rust, and rustc compares them with the table when it compiles.
check_calls() {
	local crate=$here/numbers calls='io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents'
	[ "$bits" = 64 ] || calls="$calls io_pgetevents_time64"
	mkdir -p "$crate"
	{
		echo '#![no_std]'
		echo "#[path = \"$project/src/sys/numbers.rs\"] mod numbers;"
		echo "use numbers::{NUMBERS, Numbers};"
		# Compiles only if these are all that the table has.
		echo "const Numbers { ${calls// /, } }: Numbers = NUMBERS;" | sed 's/^const \(.*\): Numbers/const _: () = { let \1/'
		for call in $calls; do
			printf '#include <asm/unistd.h>\n__NR_%s\n' "$call" | $cc -E -P - | sed -n "\$s/.*/assert!($call == &);/p"
		done
		echo '};'
	} >"$crate/lib.rs"
	printf '[package]\nname = "libaio-rs"\nversion = "%s"\nedition = "2024"\n[lib]\npath = "lib.rs"\n%s\n[workspace]\n' \
		"$(sed -n 's/^version = "\(.*\)"/\1/p' "$project/Cargo.toml")" \
		"$(sed -n '/^\[dependencies\]/,/^$/p' "$project/Cargo.toml")" >"$crate/Cargo.toml"
	cp "$project/Cargo.lock" "$crate"
	(cd "$crate" && CARGO_TARGET_DIR=$here/cargo-numbers cargo check --quiet --locked --target "$target")
	echo "$calls" | wc -w >&3
}

# One after the other: threads of qemu-i386 share a table of segments, and one that a signal handler has interrupted goes on
# with another's thread-local storage.
check_units() {
	local variable
	variable=CARGO_TARGET_$(echo "$target" | tr 'a-z-' 'A-Z_')
	env "${variable}_LINKER=${cc%% *}" "${variable}_RUNNER=$qemu" CARGO_TARGET_DIR="$here/cargo-units" \
		cargo test --manifest-path "$project/Cargo.toml" --locked --lib --target "$target" -- --test-threads=1 >"$here/units"
	sed -n 's/^test result: ok\. \([1-9][0-9]*\) passed; 0 failed; 0 ignored.*/\1/p' "$here/units" | grep . >&3
}

# program NAME OPTIONS...: compiles and runs it
program() {
	local name=$here/$1
	shift
	CC=$cc compile "$name" "$@"
	TMPDIR=$here $qemu -E LD_LIBRARY_PATH="$here" -E LIBAIO_ENGINE="${engine:-auto}" "$name" >"$name.out"
	passed=$((passed + 1))
}

check_programs() {
	local linking=$project/c-tests/linking passed=0 flags long_time='-D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64'
	for level in 0 2; do
		program inlines "-O$level" "$project/c-tests/header/inlines.c"
		grep -qx '35997 checks, 507 submits' "$here/inlines.out"
	done
	$cc -DSTUB -shared -fPIC -Wl,-soname,libaio.so.1 -o "$here/stub.so" "$linking/without_versions.c"
	$cc -shared -Wl,-soname,libaio.so.1t64 -Wl,--version-script="$here/libaio.map" -o "$here/t64.so" \
		"$here"/shared/{system-calls,callers,libaio_program}.o "$here/static/libaio_process_state.o"
	$cc -DPLUGIN -shared -fPIC -I"$project/include" -o "$here/libplugin.so" "$linking/two_names.c" "$here/t64.so"
	program two_names -Wl,-rpath-link="$here" "$linking/two_names.c" "$here/libaio.so" "$here/libplugin.so"
	[ "$(grep -c libaio.so.1.0.2 "$here/two_names.out")" = 1 ]
	for flags in '' "$long_time"; do
		[ "$bits" = 32 ] || [ -z "$flags" ] || continue
		# shellcheck disable=SC2086 # a list of words
		{
			engine=kernel program without_kernel $flags "$project/checks/architectures/without_kernel.c" "$here/libaio.so"
			engine=kernel program without_kernel_static $flags -static -DSTATIC \
				"$project/checks/architectures/without_kernel.c" "$here/libaio.a"
			# auto: the library finds out by itself that there is no AIO.
			program file_io $flags -D_GNU_SOURCE "$project/c-tests/without-aio/file_io.c" "$here/libaio.so" -pthread
			program file_io_static $flags -D_GNU_SOURCE -static \
				"$project/c-tests/without-aio/file_io.c" "$here/libaio.a" -pthread
			program without_versions $flags "$linking/without_versions.c" "$here/stub.so" -ldl
		}
	done
	echo "$passed" >&3
}

# Linked statically, as is usual with musl; on this machine's kernel, with real AIO. Under qemu-user, which has none, and
# whose signals interrupt other calls than the kernel's, only some.
check_musl_programs() {
	local source name status lack passed=0 has='kernel-aio aio-max-nr ours bad-timeouts'
	[ "$bits" = 32 ] || has="$has long-timespec"
	for source in "$project"/c-tests/programs/*.c; do
		name=$(basename "$source" .c)
		case ${qemu:+emulated}:$name in
		:* | *:getevents_counts | *:getevents_timeouts | *:pread_pwrite | *:fsync_fdsync | *:eventfd | *:threads) ;;
		*) continue ;;
		esac
		# shellcheck disable=SC2086 # words
		lack=$(lacks "$source" $has)
		[ -z "$lack" ] || { echo "skipped: $name: $lack" && continue; }
		# The kernel's headers are the same for every C library.
		CC=$cc compile "$here/$name" "$source" -static -idirafter /usr/include \
			-idirafter "/usr/include/$(gcc -print-multiarch)" "$here/libaio.a"
		status=0
		(cd "$here" && $qemu "./$name") || status=$?
		case $status in
		0) passed=$((passed + 1)) ;;
		77) echo "skipped: $name" ;;
		*) echo "$name: status $status"; return 1 ;;
		esac
	done
	echo "$passed" >&3
}

check_header() {
	local count
	"$project/c-tests/header/check.sh" "$project/include" "$original/amd64/usr/include" >"$build/header"
	count=$(grep -cE '^ok layout-[a-z0-9_]+-linux-' "$build/header")
	[ "$count" -ge 20 ]
	echo "$count" >&3
}

# cell STEP ARGUMENT...: runs one step, and puts its result, or the word FAILED, into the line. Not to be
# called in a condition: the step would not stop at its first error.
cell() {
	set +e
	result=$(set -e; exec 3>&1 >>"$log" 2>&1; echo "--- $*"; "$@")
	local status=$?
	set -e
	if [ "$status" != 0 ] || [ -z "$result" ]; then
		result=FAILED
		failed=$((failed + 1))
	fi
	printf ' %9s' "$result"
}

line() {
	case $chosen in '  ' | *" $1 "*) ;; *) return 0 ;; esac
	name=$1 target=$2 triplet=$3 bits=$4 order=$5 qemu=$6
	here=$build/$name log=$build/$name.log
	case $triplet in
	-) cc=gcc tools= ;;
	m32) cc='gcc -m32' tools= ;;
	musl) cc=musl-gcc tools='' qemu='' ;;
	i386-linux-musl) cc=$triplet-gcc tools=$triplet- qemu='' ;;
	*-musl*) cc=$triplet-gcc tools=$triplet- ;;
	*) cc=$triplet-gcc tools=$triplet- qemu="$qemu -L $compilers/root/usr/$triplet" ;;
	esac
	: >"$log"
	printf '%-10s' "$name"
	if ! [ -d "$installed/$target/lib" ] && [[ $name = musl-* ]]; then
		echo " skipped: there is no Rust standard library for $target"
		return
	elif ! [ -d "$installed/$target/lib" ]; then
		echo " FAILED: there is no Rust standard library for $target"
		failed=$((failed + 1))
		return
	fi
	cell build_library
	if [ "$result" = FAILED ]; then
		echo
		return
	fi
	if [[ $triplet = *musl* ]]; then
		cell check_symbols libc.so
		cell check_layout
		printf ' %9s %9s' - -
		cell check_musl_programs
	else
		cell check_symbols libc.so.6
		cell check_layout
		cell check_calls
		cell check_units
		cell check_programs
	fi
	echo
}

printf '%-10s %9s %9s %9s %9s %9s %9s\n' '' library symbols layout calls units programs
line x86_64 x86_64-unknown-linux-gnu - 64 1234 qemu-x86_64
line i686 i686-unknown-linux-gnu m32 32 1234 qemu-i386
line aarch64 aarch64-unknown-linux-gnu aarch64-linux-gnu 64 1234 qemu-aarch64
line armhf armv7-unknown-linux-gnueabihf arm-linux-gnueabihf 32 1234 qemu-arm
line ppc64el powerpc64le-unknown-linux-gnu powerpc64le-linux-gnu 64 1234 qemu-ppc64le
line s390x s390x-unknown-linux-gnu s390x-linux-gnu 64 4321 qemu-s390x
line riscv64 riscv64gc-unknown-linux-gnu riscv64-linux-gnu 64 1234 qemu-riscv64
line musl x86_64-unknown-linux-musl musl 64 1234 -
line musl-i686 i686-unknown-linux-musl i386-linux-musl 32 1234 -
line musl-armhf armv7-unknown-linux-musleabihf arm-linux-musleabihf 32 1234 qemu-arm

if [ "$chosen" = '  ' ]; then
	log=$build/header.log
	printf '%-10s %9s %9s' header '' ''
	cell check_header
	echo
fi

if [ "$failed" != 0 ]; then
	echo "$failed failed; the logs are in $build" >&2
	exit 1
fi
