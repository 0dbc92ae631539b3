#!/usr/bin/env bash
# Checks the models: each mutation weakens the library's code, or what the models repeat of it, in one
# place, and the model named with it must then fail.
#
# usage: mutations.sh [NAME...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# A target directory of its own: cargo would take a mutated build for the true one.
copy=${CARGO_TARGET_DIR:-$here/target}/mutations
log=$copy/log
passed=0
failed=0
names=" $* "

fresh() {
	rm -rf "$copy/src" "$copy/tests"
	mkdir -p "$copy/src" "$copy/tests/models"
	cp "$here"/../../src/{gate,ring,registry}.rs "$copy/src"
	cp "$here"/{*.rs,Cargo.toml,Cargo.lock} "$copy/tests/models"
}

models() {
	(cd "$copy/tests/models" && CARGO_TARGET_DIR=$copy/target timeout 300 \
		cargo test --quiet --release --locked --test models "$@") >"$log" 2>&1
}

report() {
	echo "$1"
	case $1 in
	ok*) passed=$((passed + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
}

# mutation NAME MODEL FILE SED...: the model fails when the file, in src/ or here, is edited so.
mutation() {
	local name=$1 model=$2 file=$3 mutated
	shift 3
	case $names in
	"  " | *" $name "*) ;;
	*) return 0 ;;
	esac
	fresh
	mutated=$copy/src/$file
	[ -e "$mutated" ] || mutated=$copy/tests/models/$file
	sed -E -i "$@" "$mutated"
	if cmp -s "$mutated" "$here/../../src/$file" || cmp -s "$mutated" "$here/$file"; then
		report "not ok $name: the edit changes nothing"
	elif ! models --no-run; then
		report "not ok $name: does not compile, see $log"
	elif models -- --exact "$model"; then
		report "not ok $name: $model passes"
	elif ! grep -q '1 failed' "$log" && ! grep -q 'signal: ' "$log"; then
		report "not ok $name: $model did not run, see $log"
	else
		report "ok $name"
	fi
}

fresh
if models; then report "ok unmutated"; else report "not ok unmutated: see $copy/log"; fi

# --- the gate ----------------------------------------------------------------------------------

mutation reaper-enters-always two_reapers_and_kernel_reader gate.rs \
	'/fn enter\(/,/^    \}/ s/self\.try_enter.*/self.try_enter(thread); true/'
mutation callers-are-ignored reaper_and_kernel_reader gate.rs \
	'/fn may_move_head/,/^    \}/ s/self\.callers.*/true/'
mutation call-does-not-wait reaper_and_kernel_reader gate.rs \
	'/fn begin_call/,/^    \}/ s/self\.wait\(thread\)/Passage::Free/'
mutation enter-is-not-seqcst reaper_and_kernel_reader gate.rs \
	'/fn try_enter/,/^    \}/ s/SeqCst, Relaxed/Acquire, Relaxed/'
mutation enter-does-not-acquire two_reapers_and_completions_over_the_end gate.rs \
	'/fn try_enter/,/^    \}/ s/SeqCst, Relaxed/Relaxed, Relaxed/'
mutation callers-load-is-not-seqcst reaper_and_kernel_reader gate.rs \
	'/fn may_move_head/,/^    \}/ s/SeqCst\)/Acquire)/'
mutation begin-call-is-not-seqcst reaper_and_kernel_reader gate.rs \
	'/fn begin_call/,/^    \}/ s/fetch_add\(1, SeqCst/fetch_add(1, Release/'
mutation begin-call-is-relaxed reaper_and_kernel_reader gate.rs \
	'/fn begin_call/,/^    \}/ s/fetch_add\(1, SeqCst/fetch_add(1, Relaxed/'
mutation wait-is-not-seqcst reaper_and_kernel_reader gate.rs \
	'/pub fn wait/,/^    \}/ s/SeqCst\)/Acquire)/'
mutation long-wait-does-not-acquire reaper_and_kernel_reader gate.rs \
	'/fn wait_long/,/^    \}/ s/Acquire\)/Relaxed)/'
mutation leave-is-relaxed reaper_and_kernel_reader gate.rs \
	'/fn leave/,/^    \}/ s/Release\)/Relaxed)/'
mutation end-call-is-relaxed reaper_kernel_reader_and_completions_over_the_end gate.rs \
	'/fn end_call/,/^    \}/ s/Release\)/Relaxed)/'
mutation looks-before-callers-are-gone system_call_takes_a_whole_lap protocol.rs \
	'/fn move_events/,/^    \}/ { /if !entry\.gate\.may_move_head/,/\}/ d; s/(let events = self\.copy)/if !entry.gate.may_move_head() { return None; }\n\1/ }'
mutation says-empty-before-callers-are-gone never_empty protocol.rs \
	'/fn move_events/,/^    \}/ { /if !entry\.gate\.may_move_head/,/\}/ d; s/(let events = self\.copy)/if !entry.gate.may_move_head() { return None; }\n\1/ }'

# --- the ring ----------------------------------------------------------------------------------

mutation tail-is-relaxed reaper_and_completions_over_the_end ring.rs \
	'/pub fn look/,/^\}/ s/load\(Acquire/load(Relaxed/'
mutation advance-is-relaxed reaper_and_completions_over_the_end ring.rs \
	'/pub fn advance/,/^\}/ s/next, Release, Relaxed/next, Relaxed, Relaxed/'
mutation advance-does-not-compare handler_takes_one ring.rs \
	'/pub fn advance/,/^\}/ { s/\.compare_exchange\(look\.head, next, Release, Relaxed\)/.store(next, Release);/; s/^ *\.is_ok\(\)/true/ }'

# --- signal handlers ---------------------------------------------------------------------------

mutation handler-waits handler_takes_one gate.rs \
	'/holder if holder == thread => return/ d'
mutation handler-waits-when-done handler_takes_one gate.rs \
	'/holder if holder == thread \| DONE/ d'
mutation handler-does-not-disturb handler_takes_a_lap protocol.rs \
	'/ring::disturb_head/ d'
mutation handlers-disturb-alike two_handlers_take_a_lap ring.rs \
	's/tick\.checked_rem\(values\)\.unwrap_or\(0\)/tick * 0/'
mutation reap-is-never-done handler_takes_a_lap protocol.rs \
	'/entry\.gate\.done/ d'
mutation head-is-not-restored handler_takes_a_lap protocol.rs \
	'/ring::restore_head/ d'
mutation head-is-restored-before-done handler_takes_a_lap protocol.rs \
	'/entry\.gate\.done/ d; s/(ring::restore_head.*)/\1 entry.gate.done(thread);/'
mutation handler-unmaps-the-ring handler_destroys protocol.rs \
	's/Passage::Interrupting \| Passage::Finishing => self\.stand_in\(\)/Passage::Interrupting | Passage::Finishing => None/'

# --- contexts that come and go -----------------------------------------------------------------

mutation destroy-does-not-wait reaper_and_destroy protocol.rs \
	's/match entry\.gate\.wait\(thread\)/match Passage::Free/'
mutation destroy-does-not-mark reaper_and_destroy protocol.rs \
	'/entry\.start_destroying/ d'
mutation reaper-does-not-ask reaper_and_destroy protocol.rs \
	'/pub fn reap/,/^    \}/ s/if entry\.is_live\(ADDRESS\)/if true/'
mutation is-live-is-not-seqcst reaper_and_destroy registry.rs \
	'/pub fn is_live/,/^    \}/ s/load\(SeqCst/load(crate::sync::Ordering::Acquire/'
mutation mark-is-not-seqcst reaper_and_destroy registry.rs \
	'/pub fn start_destroying/,/^    \}/ s/SeqCst, Relaxed/crate::sync::Ordering::Release, Relaxed/'
mutation destroy-waits-without-seqcst reaper_and_destroy gate.rs \
	'/pub fn wait/,/^    \}/ s/SeqCst\)/Acquire)/'
mutation old-context-removes-the-new address_comes_again registry.rs \
	'/pub fn remove/,/^    \}/ s/compare_exchange\(from, to, Relaxed, Relaxed\)/compare_exchange(from \& ADDRESS, to, Relaxed, Relaxed)/'
mutation filling-hides-the-address address_comes_again registry.rs \
	's/^const ADDRESS: usize = .*/const ADDRESS: usize = !(DESTROYING | DEAD);/; s/address \| RESERVED/RESERVED/'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
