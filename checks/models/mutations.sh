#!/usr/bin/env bash
# Checks the models: each mutation weakens the library's code, or what the models repeat of it, in one
# place, and the model named with it must then fail.
#
# usage: mutations.sh [NAME...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# A target directory of its own: cargo would take a mutated build for the true one.
copy=${CARGO_TARGET_DIR:-$here/../target}/mutations
log=$copy/log
passed=0
failed=0
names=" $* "

fresh() {
	rm -rf "$copy/src" "$copy/checks"
	mkdir -p "$copy/src/engine/threads" "$copy/src/sys" "$copy/checks"
	cp "$here"/../../src/{gate,ring,registry}.rs "$copy/src"
	cp "$here"/../../src/engine/threads/{completions,helpers,waiting}.rs "$copy/src/engine/threads"
	cp "$here"/../../src/sys/errno.rs "$copy/src/sys"
	# The lock wants the manifests of all the workspace.
	(cd "$here/.." && cp --parents Cargo.toml Cargo.lock ./*/Cargo.toml models/*.rs "$copy/checks")
}

# models PROGRAM [ARGUMENT...]: builds and runs one program of models.
models() {
	(cd "$copy/checks" && CARGO_TARGET_DIR=$copy/target timeout 300 \
		cargo test --quiet --release --locked -p libaio-rs-models --test "$@") >"$log" 2>&1
}

report() {
	echo "$1"
	case $1 in
	ok*) passed=$((passed + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
}

# mutation NAME MODEL FILE SED...: the model fails when the file, in src/ or here, is edited so. A model
# of another program than models.rs has its name in front: PROGRAM/MODEL.
mutation() {
	local name=$1 model=$2 file=$3 program=models mutated
	shift 3
	case $model in
	*/*) program=${model%/*} model=${model#*/} ;;
	esac
	case $names in
	"  " | *" $name "*) ;;
	*) return 0 ;;
	esac
	fresh
	mutated=$copy/src/$file
	[ -e "$mutated" ] || mutated=$copy/checks/models/$file
	sed -E -i "$@" "$mutated"
	if cmp -s "$mutated" "$here/../../src/$file" || cmp -s "$mutated" "$here/$file"; then
		report "not ok $name: the edit changes nothing"
	elif ! models "$program" --no-run; then
		report "not ok $name: does not compile, see $log"
	elif models "$program" -- --exact "$model"; then
		report "not ok $name: $model passes"
	elif ! grep -q '1 failed' "$log" && ! grep -q 'signal: ' "$log"; then
		report "not ok $name: $model did not run, see $log"
	else
		report "ok $name"
	fi
}

fresh
for program in models completions helpers waiting; do
	if models "$program"; then
		report "ok $program, unmutated"
	else
		report "not ok $program, unmutated: see $log"
	fi
done

# --- the gate ----------------------------------------------------------------------------------

mutation reaper-enters-always two_reapers_and_kernel_reader gate.rs \
	'/fn enter\(/,/^    \}/ s/self\.try_enter.*/self.try_enter(thread); true/'
mutation callers-are-ignored reaper_and_kernel_reader gate.rs \
	'/fn has_callers/,/^    \}/ s/self\.callers.*/false/'
mutation call-is-not-counted reaper_and_kernel_reader gate.rs \
	'/fn begin_call\(/,/^    \}/ s/self\.callers\.fetch_add\(1, SeqCst\);//'
mutation call-passes-without-revoking reaper_and_kernel_reader gate.rs \
	'/fn begin_call\(/,/^    \}/ s/self\.holder.*/true/'
mutation enter-is-not-seqcst reaper_and_kernel_reader gate.rs \
	'/fn try_enter/,/^    \}/ s/SeqCst, Relaxed/Acquire, Relaxed/'
mutation callers-load-is-not-seqcst reaper_and_kernel_reader gate.rs \
	'/fn has_callers/,/^    \}/ s/SeqCst\)/Acquire)/'
mutation begin-call-is-not-seqcst reaper_and_kernel_reader gate.rs \
	'/fn begin_call\(/,/^    \}/ s/fetch_add\(1, SeqCst/fetch_add(1, Release/'
mutation begin-call-is-relaxed reaper_and_kernel_reader gate.rs \
	'/fn begin_call\(/,/^    \}/ s/fetch_add\(1, SeqCst/fetch_add(1, Relaxed/'
mutation holder-load-is-not-seqcst reaper_and_kernel_reader gate.rs \
	'/fn begin_call\(/,/^    \}/ s/load\(SeqCst\)/load(Acquire)/'
mutation waiting-does-not-acquire reaper_and_kernel_reader gate.rs \
	'/fn begin_call_later/,/^    \}/ s/Acquire\)/Relaxed)/'
mutation leave-is-relaxed reaper_and_kernel_reader gate.rs \
	'/fn leave/,/^    \}/ s/Release\)/Relaxed)/'
mutation end-call-is-relaxed never_empty gate.rs \
	'/fn count_out/,/^\}/ s/Release\)/Relaxed)/'
mutation caller-does-not-say-that-it-passes never_empty gate.rs \
	'/fn begin_call_later/,/^    \}/ s/let passed = .*/let passed = holder;/'
mutation reaper-does-not-ask-whether-it-was-passed never_empty protocol.rs \
	's/entry\.gate\.is_undisturbed\(thread\)/true/'
mutation looks-before-callers-are-gone never_empty protocol.rs \
	'/fn take\(/,/^    \}/ s/^        if entry\.gate\.has_callers\(\)/        if false/'

# --- the ring ----------------------------------------------------------------------------------

mutation tail-is-relaxed reaper_and_completions_over_the_end ring.rs \
	'/^fn ready/,/^\}/ s/load\(Acquire/load(Relaxed/'
mutation commit-is-relaxed two_reapers_and_completions_over_the_end ring.rs \
	'/pub fn commit/,/^\}/ s/next, Release, Relaxed/next, Relaxed, Relaxed/'

# --- claims ------------------------------------------------------------------------------------

mutation claim-leaves-no-trace system_call_takes_a_whole_lap ring.rs \
	'/^fn claimed/,/^\}/ s/slot \+ nr/slot + nr * 0/'
mutation claim-does-not-compare reaper_and_kernel_reader ring.rs \
	'/pub fn claim\(/,/^\}/ { s/\.compare_exchange\(look\.head, (claimed\(look\.head, nr\)), SeqCst, Relaxed\)/.store(\1, SeqCst);/; s/^ *\.is_ok\(\)/true/ }'
mutation commit-does-not-compare reaper_and_kernel_reader ring.rs \
	'/pub fn commit/,/^\}/ { s/\.compare_exchange\(claimed\(look\.head, nr\), next, Release, Relaxed\)/.store(next, Release);/; s/^ *\.is_ok\(\)/true/ }'
mutation claim-is-not-seqcst reaper_and_kernel_reader ring.rs \
	'/pub fn claim\(/,/^\}/ s/SeqCst, Relaxed/Acquire, Relaxed/'
mutation revoke-is-not-seqcst reaper_and_kernel_reader ring.rs \
	'/pub fn revoke/,/^\}/ s/SeqCst\)/Acquire)/'
mutation nothing-is-revoked reaper_and_kernel_reader protocol.rs \
	'/ring::revoke\(/ d'
mutation claim-ignores-callers reaper_and_kernel_reader protocol.rs \
	's/!entry\.gate\.has_callers\(\) && //'
mutation claims-more-than-there-is system_call_takes_a_whole_lap protocol.rs \
	's/ && ring::has\(.*\);/;/'
mutation claim-is-not-withdrawn two_reapers_and_kernel_reader protocol.rs \
	'/ring::withdraw/ d'

# --- signal handlers ---------------------------------------------------------------------------

mutation handlers-leave-no-trace handler_takes_a_lap ring.rs \
	'/^fn claimed/,/^\}/ s/slot \+ nr/slot + nr * 0/'
mutation unknown-handlers-leave-no-trace unknown_handler_takes_a_lap ring.rs \
	'/^fn claimed/,/^\}/ s/slot \+ nr/slot + nr * 0/'
mutation one-identity-enters-twice two_reapers_of_one_identity gate.rs \
	'/fn enter\(/,/^    \}/ s/\|\| self\.enter_later\(thread\)/|| self.holder.load(Relaxed) == thread/'
mutation a-jumper-is-waited-for handler_jumps gate.rs \
	'/fn begin_call_later/,/^    \}/ s/turn < TURNS \&\& !stays\(holder, thread\)/true/'
mutation handler-unmaps-the-ring handler_destroys protocol.rs \
	'/} else if first \{/,/\}/ s/self\.stand_in\(\)/None/'

# --- contexts that come and go -----------------------------------------------------------------

mutation destroy-does-not-wait reaper_and_destroy protocol.rs \
	's/if entry\.gate\.close\(thread\)/if true/'
mutation destroy-does-not-wait-for-revokers reaper_caller_and_destroy gate.rs \
	'/fn close/,/^    \}/ s/ && self\.revokers\.load\(SeqCst\) == 0//'
mutation destroy-does-not-mark reaper_and_destroy protocol.rs \
	's/entry\.start_destroying\(ADDRESS\)/true/'
mutation reaper-does-not-ask reaper_and_destroy protocol.rs \
	'/pub fn reap/,/^    \}/ s/if entry\.is_live\(ADDRESS\)/if true/'
mutation revoker-does-not-ask reaper_caller_and_destroy protocol.rs \
	'/fn revoke/,/^    \}/ s/let is_live = .*/let is_live = true;/'
mutation revoker-is-not-counted reaper_caller_and_destroy protocol.rs \
	'/entry\.gate\.begin_revoking/ d'
mutation revoker-is-not-seqcst reaper_caller_and_destroy gate.rs \
	'/fn begin_revoking/,/^    \}/ s/SeqCst\)/Acquire)/'
mutation revokers-load-is-not-seqcst reaper_caller_and_destroy gate.rs \
	'/fn close/,/^    \}/ s/revokers\.load\(SeqCst\)/revokers.load(Acquire)/'
mutation end-revoking-is-relaxed reaper_caller_and_destroy gate.rs \
	'/fn count_out/,/^\}/ s/Release\)/Relaxed)/'
mutation doomed-context-is-called reaper_caller_and_destroy protocol.rs \
	's/is_live \|\| !entry\.is_doomed\(ADDRESS\)/true/'
mutation second-destroyer-unmaps-the-ring reaper_and_two_that_destroy protocol.rs \
	's/entry\.is_doomed\(ADDRESS\) \{/false {/'
mutation is-live-is-not-seqcst reaper_and_destroy registry.rs \
	'/pub fn is_live/,/^    \}/ s/load\(SeqCst/load(crate::sync::Ordering::Acquire/'
mutation mark-is-not-seqcst reaper_and_destroy registry.rs \
	'/pub fn start_destroying/,/^    \}/ s/SeqCst, SeqCst/crate::sync::Ordering::Release, SeqCst/'
mutation close-is-not-seqcst reaper_and_destroy gate.rs \
	'/fn close/,/^    \}/ s/holder\.load\(SeqCst\)/holder.load(Acquire)/'
mutation old-context-removes-the-new address_comes_again registry.rs \
	'/pub fn remove/,/^    \}/ s/compare_exchange\(from, to, Relaxed, Relaxed\)/compare_exchange(from \& ADDRESS, to, Relaxed, Relaxed)/'
mutation filling-hides-the-address address_comes_again registry.rs \
	's/^const ADDRESS: usize = .*/const ADDRESS: usize = !(DESTROYING | DEAD);/; s/address \| RESERVED/RESERVED/'

# --- the threads engine's ring -----------------------------------------------------------------

threads=engine/threads
mutation room-is-refused-when-late completions/room_for_all_but_one $threads/completions.rs \
	's/if outstanding as i64 >= 0/if true/'
mutation room-for-all completions/no_more_than_all_but_one $threads/completions.rs \
	's/u64::from\(view\.nr\) - 1/u64::from(view.nr)/'
mutation ready-is-not-seqcst completions/two_posters $threads/completions.rs \
	's/store\(lap \| READY, SeqCst\);$/store(lap | READY, crate::sync::Ordering::Release);/'
mutation publisher-does-not-look-again completions/two_posters $threads/completions.rs \
	'/fn publish\(/,/^    }/ s/let position = self\.published\.load\(SeqCst\);/if view.nr > 0 { return; }\n&/'
mutation signal-is-read-too-early completions/each_eventfd_is_signalled_once $threads/completions.rs \
	'/fn publish\(/,/^    }/ s/if mark\.state\.load\(SeqCst\) != lap \| READY/if false/'
mutation signal-before-tail completions/events_are_visible_when_their_eventfd_is_signalled $threads/completions.rs \
	'/fn publish\(/,/^    }/ s/\*signal = signal_then;/signal_then.send();/'
mutation pending-is-counted-late completions/handler_posts_and_takes_while_posting $threads/completions.rs \
	'/pub unsafe fn take\(/,/^    }/ s/if self\.pending\.load\(SeqCst\) == 0/if true/'
mutation no-tickets completions/handler_takes_a_lap_while_taking $threads/completions.rs \
	's/let ticket = first.*/let ticket = first;/'
mutation nothing-aside completions/handler_posts_and_takes_while_posting $threads/completions.rs \
	's/self\.take_aside\(.view, at_most, events\)/self.take_aside(\&view, 0, events)/'
mutation aside-leaves-others-behind completions/another_thread_takes_aside $threads/completions.rs \
	'/unsafe fn take_aside/,/^    }/ s/^        self\.publish\(view\);//'
mutation aside-overtakes completions/another_thread_takes_aside $threads/completions.rs \
	'/unsafe fn take_aside/,/^    }/ s/if overtook/if false/'
mutation gaps-stay completions/handler_posts_and_takes_while_posting $threads/completions.rs \
	's/self\.close_gap\(view, position\);//'
mutation aside-is-not-counted completions/handler_posts_and_takes_while_posting $threads/completions.rs \
	's/self\.aside\.fetch_add\(1, SeqCst\);//'
mutation nobody-helps-the-publisher completions/handler_posts_and_takes_while_posting $threads/completions.rs \
	'/pub unsafe fn take\(/,/^    }/ s/if self\.is_done\(.view, published\)/if false/'

# --- its helpers, and its waiters ----------------------------------------------------------------

mutation failed-start-forgets helpers/no_thread_to_be_had $threads/helpers.rs \
	'/fn start_one/,/^    }/ s/self\.work_off\(\);//'
mutation busy-helpers-are-enough helpers/two_at_once $threads/helpers.rs \
	'/pub fn call/,/^    }/ s/else if !self\.is_empty\(\)/else if false/'
mutation call-wakes-nobody helpers/one_submitter $threads/helpers.rs \
	'/pub fn call/,/^    }/ s/futex::wake.*//'
mutation idle-is-counted-late helpers/one_submitter $threads/helpers.rs \
	'/fn helper\(/,/^}/ s/if helpers\.is_idle\(\) \&\& /if /'
mutation sleeper-does-not-look waiting/one_waiter $threads/waiting.rs \
	'/pub fn sleep\(/,/^    }/ s/if ready\(\)/if false/'
mutation wakes-is-read-late waiting/one_waiter $threads/waiting.rs \
	'/pub fn wake\(/,/^    }/ s/self\.wakes\.fetch_add\(1, SeqCst\);//'
mutation eventfd-is-not-seqcst waiting/one_masked_waiter $threads/waiting.rs \
	's/made as u32 \+ 1, SeqCst, Acquire/made as u32 + 1, crate::sync::Ordering::AcqRel, Acquire/'
mutation wake-up-is-kept waiting/a_masked_waiter_that_wants_more $threads/waiting.rs \
	's/fetch_sub\(1, SeqCst\) > 1 \&\& result == Ok\(true\)/& \&\& ready()/'
mutation ready-is-late waiting/one_masked_waiter $threads/waiting.rs \
	's/Ok\(false\) if !is_ready \&\& slice == rest \&\& rest != LONG/Ok(false) if slice == rest \&\& rest != LONG/'

echo "models and their mutations: $passed passed, $failed failed"
[ "$failed" = 0 ]
