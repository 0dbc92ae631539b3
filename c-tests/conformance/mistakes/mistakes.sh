#!/usr/bin/env bash
# Shows that the conformance suite notices mistakes: each is made in turn by a preloaded library, and
# the checks named beside it must fail.
#
# usage: mistakes.sh
#
# The environment says BUILD: the Makefile's build directory.
set -eu

here=$(realpath "$(dirname "$0")")
project=$(realpath "$here/../../..")
build=$(realpath "${BUILD:-$project/build}")
# shellcheck source=checks/harness/programs.sh
. "$project/checks/harness/programs.sh"
# shellcheck source=checks/harness/report.sh
. "$project/checks/harness/report.sh"
# shellcheck disable=SC2034 # for the functions
suite=conformance skips=$build/skipped
work=$(mktemp -d -p "$build" mistakes-XXXXXX)
trap 'rm -rf "$work"' EXIT

refused=$("$build/has-aio") || true
if [ -n "$refused" ]; then
	skip mistakes "io_setup answers $refused here"
	exit 0
fi

compile_conformance "$work/conformance" -L"$build" -laio
compile "$work/mistakes.so" "$here/mistakes.c" -fPIC -shared -ldl

# The mistake, and the group that must notice: a part of its title.
while IFS='|' read -r mistake group; do
	status=0
	env -u LIBAIO_REAP -u LIBAIO_ENGINE TMPDIR="$work" LD_LIBRARY_PATH="$build" LD_PRELOAD="$work/mistakes.so" \
		MISTAKE="$mistake" timeout 60 "$work/conformance" -s 6 "$group" >"$work/out" 2>&1 || status=$?
	if [ "$status" = 1 ] && grep -q '^FAIL' "$work/out"; then
		passed=$((passed + 1))
	elif [ "$status" = 0 ] && grep -q '^all: 0 checks' "$work/out" && grep -q '^skip ' "$work/out"; then
		# Nothing of the group can run here.
		skip "mistake '$mistake'" "$(sed -n 's/^skip //p' "$work/out" | head -n 1)"
	else
		failed=$((failed + 1))
		echo "not noticed: $mistake (by $group; status $status)"
	fi
	if [ -n "${V-}" ]; then
		echo "$mistake: $(grep -c '^FAIL' "$work/out") checks fail; $(grep -m 1 '^FAIL' "$work/out")"
	fi
done <<'LIST'
nr 0 is allowed|io_setup: handles
the handle is not looked at|io_setup: handles
a ring too small|io_setup: ring size
a ring too large|io_setup: ring size
a descriptor for each context|io_setup: no descriptor
io_destroy does nothing|io_destroy: which context
io_destroy does nothing|io_destroy: requests in flight
io_destroy twice gives 0|io_destroy: which context
a destroyed waiter gets 0|io_destroy: waiters
the error instead of the count|io_submit: partial counts
the count of all|io_submit: partial counts
the fd is looked at first|io_submit: order of checks
the opcode is looked at first|io_submit: order of checks
a full context gives EINVAL|io_submit: full context
aio_key is not written|io_submit: what is written
aio_key is not written|io_submit: opcodes
the reserved field is not looked at|io_submit: order of checks
errno is written|io_submit: the call
an offset of -1 is the position|transfer: what io_submit answers
fsync takes an offset|fsync
poll takes any events|poll: ready or not
a poll gives all that is ready|poll: ready or not
RWF_NOWAIT for all|files: io_submit waits
flags of 0 bytes are not looked at|transfer: what io_submit answers
a duplicate is closed|files: locks stay
a batch in reverse|order: of events
a batch in reverse|order: of effects
one eventfd signal for a batch|eventfd: counts
events NULL is looked at first|io_getevents: arguments
events in reverse|io_getevents: counts
too few events give 0|io_getevents: counts
data is read at completion|io_submit: what is written
a bad array loses events|io_getevents: bad arrays
min 0 waits|timeouts: no wait
a negative timeout is none|timeouts: for ever
timeouts are checked|timeouts: lengths
the timeout is changed|timeouts: lengths
a wait starts again after a signal|signals: interrupt
a wait starts again after a signal|signals: stop and continue
too few events and a signal give EINTR|signals: interrupt
the mask only when it waits|signals: io_pgetevents' mask
the mask is not used|signals: io_pgetevents' mask
the mask stays|signals: io_pgetevents' mask
io_cancel gives 0|io_cancel: polls
io_cancel writes the result|io_cancel: polls
io_cancel looks at the context first|io_cancel: arguments
io_cancel does not find|waiters: woken
a cancelled poll gives ECANCELED|io_cancel: polls
head is remembered|ring: head moved by the program
a fork's child gets 0|process: fork
a lost event|threads: on one context
a wrong event|threads: with a context each
a thread that stays|process: the main thread leaves
a thread that stays|process: user namespace
a thread that takes signals|threads: signals to the process
LIST
totals 'conformance, mistakes noticed'
