#!/usr/bin/env bash
# Shows that what the lock-free code does is needed: each line of the table `mutations` beside this script, and of the
# one in interface-models, deletes or weakens one condition, ordering or store of it, and names what notices. That must
# then fail.
#
# usage: mutations.sh [engine | interfaces | solaris] [NAME...]
#
# engine, interfaces: only the lines of that table; solaris: of the latter only those that models of Solaris AIO notice.
#
# Four columns, separated by tabs: name; what notices; file in src/engine, or in interfaces/src for interface-models; edit
# for sed -E. What notices:
#   model/FILE::TEST  a model in tests/FILE.rs
#   posix/FILE::TEST  one of interface-models
#   solaris/FILE::TEST  one of those with Solaris AIO
#   unit/PATH         a unit test of the library
#   program/NAME      a program of c-tests/programs, on the library
#   speed: WHY        nothing can: the result is the same, later
#   argument: WHY     nothing does: the models know the weaker form only as the stronger one
set -eu

here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
# Target directories of their own: cargo would take a mutated build for the true one.
work=${CARGO_TARGET_DIR:-$here/../target}/mutations
mkdir -p "$work"
work=$(cd "$work" && pwd)
only=
case ${1-} in engine | interfaces | solaris) only=$1 && shift ;; esac
names=" $* "
# Seconds for all tests, and then for each one.
limit=1200

# fresh COPY: the sources that the tests are made of
fresh() {
	rm -rf "$1/src" "$1/interfaces" "$1/checks" "$1/c-tests" "$1/build"
	mkdir -p "$1/checks"
	(cd "$project" && cp -r --parents src interfaces include abi make Makefile c-tests/programs c-tests/harness Cargo.toml Cargo.lock "$1")
	# The lock wants the manifests of all the workspace.
	(cd "$here/.." && cp --parents Cargo.toml Cargo.lock ./*/Cargo.toml "$1/checks" && cp -r models interface-models "$1/checks")
}

# table: all lines, with files from the root of the project
table() {
	case $only in interfaces | solaris) ;; *)
		awk -F '\t' -v OFS='\t' '/^#/ || NF < 4 { next } { $3 = "src/engine/" $3; print }' "$here/mutations"
		;;
	esac
	[ "$only" = engine ] ||
		awk -F '\t' -v OFS='\t' -v only="$only" '
			/^#/ || NF < 4 || only == "solaris" && $2 !~ "^solaris/" { next }
			{ $3 = "interfaces/src/" $3; print }' "$here/../interface-models/mutations"
}

# models PACKAGE COPY [ARGUMENT...]: builds and runs models
models() {
	local package=$1 copy=$2
	shift 2
	(cd "$copy/checks" && CARGO_INCREMENTAL=1 CARGO_TARGET_DIR=$copy/target timeout "$limit" \
		cargo test --quiet --release --locked -p "$package" --lib "$@") >"$copy/log" 2>&1 </dev/null
}

# units COPY [ARGUMENT...]
units() {
	local copy=$1
	shift
	(cd "$copy" && CARGO_TARGET_DIR=$copy/target timeout "$limit" cargo test --quiet --locked --workspace --lib "$@") >"$copy/log" 2>&1 </dev/null
}

# program COPY NAME [--no-run]: builds the library and a C program, and runs that
program() {
	local copy=$1 name=$2
	(
		cd "$copy" && make BUILD=build INTERFACES= all &&
			cc -O2 -std=gnu11 -pthread -Iinclude "c-tests/programs/$name.c" -o program -Lbuild -laio -Wl,-rpath,"$copy/build" &&
			ldd program | grep -q "libaio[^ ]* => $copy/build/" || exit 1
		if [ "${3-}" != --no-run ] && ! timeout 120 ./program; then
			echo '1 failed'
			exit 1
		fi
	) >"$copy/log" 2>&1 </dev/null
}

# try COPY NAME NOTICES FILE SED: says "ok NAME" or "not ok NAME: WHY"
try() {
	local copy=$1 name=$2 notices=$3 file=$4 sed=$5 mutated=$1/$4 run
	case $notices in
	'speed: '* | 'argument: '*)
		echo "listed $name"
		return
		;;
	unit/*) run="units $copy" ;;
	program/*) run="program $copy ${notices#*/}" ;;
	model/* | posix/* | solaris/*)
		case $notices in
		model/*) run="models libaio-rs-models $copy" ;;
		posix/*) run="models libaio-rs-interface-models $copy" ;;
		*) run="models libaio-rs-interface-models $copy --features solaris" ;;
		esac
		notices=model/tests::${notices#*/}
		;;
	*)
		echo "not ok $name: what notices?"
		return
		;;
	esac
	cp "$project/$file" "$mutated"
	sed -E -i "$sed" "$mutated"
	if cmp -s "$mutated" "$project/$file"; then
		echo "not ok $name: the edit changes nothing"
	elif ! $run --no-run; then
		echo "not ok $name: does not compile"
		sed 's/^/    /' "$copy/log" | head -n 20
	elif $run -- --include-ignored --exact "${notices#*/}"; then
		echo "not ok $name: ${notices#*/} passes"
	elif ! grep -q '1 failed' "$copy/log" && ! grep -q 'signal: ' "$copy/log"; then
		echo "not ok $name: ${notices#*/} did not run, or not to its end"
		sed 's/^/    /' "$copy/log" | tail -n 20
	else
		echo "ok $name"
	fi
	cp "$project/$file" "$mutated"
}

# lane NUMBER OF: every OFth line, beginning with the NUMBERth
lane() {
	local copy=$work/$1 name notices file sed at=0
	fresh "$copy"
	while IFS=$'\t' read -r name notices file sed; do
		case $names in "  " | *" $name "*) ;; *) continue ;; esac
		at=$((at + 1))
		[ $((at % $2)) = $(($1 % $2)) ] || continue
		try "$copy" "$name" "$notices" "$file" "$sed"
	done < <(table) >"$copy/results"
}

fresh "$work/1"
unmutated=$work/unmutated
: >"$unmutated"
for package in libaio-rs-models libaio-rs-interface-models "libaio-rs-interface-models --features solaris"; do
	# shellcheck disable=SC2086 # The package, and what it is made with.
	set -- $package
	if models "$1" "$work/1" "${@:2}"; then
		echo "ok $package, unmutated"
	else
		echo "not ok $package, unmutated"
		tail -n 40 "$work/1/log"
	fi
done >"$unmutated"
if units "$work/1"; then echo "ok unit tests, unmutated"; else echo "not ok unit tests, unmutated"; fi >>"$unmutated"

limit=300
lanes=$(nproc)
for number in $(seq "$lanes"); do
	lane "$number" "$lanes" &
done
wait
results=$work/results
cat "$unmutated" $(seq -f "$work/%g/results" "$lanes") >"$results"
cat "$results"
echo "models and their mutations: $(grep -c '^ok ' "$results") passed, $(grep -c '^not ok ' "$results") failed, $(grep -c '^listed ' "$results") listed only"
! grep -q '^not ok ' "$results"
