//! Who may move a ring's `head` now.
//!
//! The kernel's reader loads `head`, copies events and stores `head` without comparing. So a reaper
//! in user space and a thread inside an `io_getevents` system call, here called a caller, must
//! never both move it, and neither must two reapers.
//!
//! One reaper at a time is inside the gate, for one bounded copy. It never waits: where it finds
//! another reaper or a caller, it leaves and makes the system call. Before it takes events it
//! claims them by a mark in `head` itself (see [`super::ring::claim`]), and then looks for callers
//! again.
//!
//! A caller counts itself in, and then waits for the reaper to leave, but not for long: the
//! reaper's thread may be in a signal handler that blocks, or have left by longjmp. Such a reaper
//! is passed: the caller revokes the claim, so that the reaper, should it go on, finds that it has
//! taken nothing.
//!
//! Threads are told apart only to save time: a signal handler need not wait for the reap that it
//! interrupted.

use crate::engine::patience::{SPINS, TURNS, TURNS_OF_DESTROY, pause, spin};
use crate::sync::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::sync::{AtomicU32, AtomicUsize};

/// The gate of one context. All zero: open, nobody inside.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Gate {
    /// The thread of the reaper inside, with [`PASSED`] once somebody did not wait for it; 0: none.
    holder: AtomicUsize,
    /// Threads that are in, or about to make, a system call that may move `head`.
    callers: AtomicU32,
    /// Threads that are at the ring and move `head` over no event: callers that revoke a claim, and
    /// who looks whether events are ready.
    visitors: AtomicU32,
}

/// Added to the holder's thread, which is even.
const PASSED: usize = 1;

impl Gate {
    /// Enters as reaper. False if somebody else is inside and stays there, or if this thread is.
    ///
    /// `thread` identifies the calling thread; it is even and not 0.
    #[inline]
    pub(crate) fn enter(&self, thread: usize) -> bool {
        self.try_enter(thread) == 0 || self.enter_later(thread)
    }

    /// Enters if nobody is inside; else returns who is.
    #[inline]
    fn try_enter(&self, thread: usize) -> usize {
        // SeqCst: with `callers` in `has_callers` and in `begin_call`, one of a reaper and a caller
        // that arrive together sees the other. It acquires what `leave` released.
        match self.holder.compare_exchange(0, thread, SeqCst, Relaxed) {
            Ok(_) => 0,
            Err(holder) => holder,
        }
    }

    #[cold]
    fn enter_later(&self, thread: usize) -> bool {
        for _ in 0..SPINS {
            spin();
            let holder = self.try_enter(thread);
            if holder == 0 || stays(holder, thread) {
                return holder == 0;
            }
        }
        false
    }

    /// Whether somebody is counted in. The reaper inside asks before it looks at the ring, and
    /// again when it has claimed events.
    #[inline]
    pub(crate) fn has_callers(&self) -> bool {
        // SeqCst: see `enter`; and with the claim, which a caller that is not seen here sees and
        // revokes. It acquires what callers released in `end_call`.
        self.callers.load(SeqCst) != 0
    }

    /// Whether nobody has passed the reaper inside, which is `thread`. False in a child that was
    /// forked since it entered.
    #[inline]
    pub(crate) fn is_undisturbed(&self, thread: usize) -> bool {
        // Relaxed: a caller passes before its system call, and who destroys the context before the
        // ring goes. So whoever has seen in the ring what became of that finds it.
        self.holder.load(Relaxed) == thread
    }

    /// Leaves as reaper.
    #[inline]
    pub(crate) fn leave(&self) {
        // Release: pairs with the loads of `holder` in `enter`, `begin_call` and `close`.
        self.holder.store(0, Release);
    }

    /// Counts the thread in as about to make a system call that may move `head`. False if a reaper
    /// is inside and stays there: then its claim must be revoked first.
    #[inline]
    pub(crate) fn begin_call(&self, thread: usize) -> bool {
        // SeqCst: see `enter`. From here on no reaper that enters moves `head`.
        self.callers.fetch_add(1, SeqCst);
        // SeqCst: see `enter`. It acquires the `head` that the last reaper stored.
        self.holder.load(SeqCst) == 0 || self.begin_call_later(thread)
    }

    #[cold]
    fn begin_call_later(&self, thread: usize) -> bool {
        let mut turn = 0;
        loop {
            // Acquire: pairs with `leave`.
            let holder = self.holder.load(Acquire);
            if holder == 0 {
                return true;
            }
            if turn < TURNS && !stays(holder, thread) {
                pause(turn);
                turn += 1;
                continue;
            }
            self.pass(holder);
            return false;
        }
    }

    /// Lets the reaper inside know that somebody did not wait for it.
    fn pass(&self, holder: usize) {
        if holder != 0 {
            // Relaxed: see `is_undisturbed`. If it fails, that reaper has left, or another thread
            // has passed it.
            let passed = holder | PASSED;
            let _ = self
                .holder
                .compare_exchange(holder, passed, Relaxed, Relaxed);
        }
    }

    /// Counts the thread out again.
    #[inline]
    pub(crate) fn end_call(&self) {
        // Release: pairs with `has_callers`, which must see the `head` that the kernel stored.
        count_out(&self.callers);
    }

    /// Counts the thread in as about to visit the ring, if then it finds the context live. Reapers and callers do
    /// not wait for it.
    pub(crate) fn begin_visit(&self) {
        // SeqCst: with the address of the entry, one of this thread and one that destroys the
        // context sees the other.
        self.visitors.fetch_add(1, SeqCst);
    }

    /// Counts the thread out again.
    pub(crate) fn end_visit(&self) {
        // Release: pairs with `close`.
        count_out(&self.visitors);
    }

    /// Waits until nobody is at the ring, for a thread that has made sure that nobody comes. False
    /// if somebody stays there.
    pub(crate) fn close(&self, thread: usize) -> bool {
        let mut turn = 0;
        loop {
            // SeqCst: see `enter` and `begin_visit`.
            let holder = self.holder.load(SeqCst);
            if holder == 0 && self.visitors.load(SeqCst) == 0 {
                return true;
            }
            let own = holder & !PASSED == thread;
            if turn == if own { TURNS } else { TURNS_OF_DESTROY } {
                self.pass(holder);
                return false;
            }
            pause(turn);
            turn += 1;
        }
    }

    /// Whether callers are counted in who do not leave for a while, after the context was destroyed,
    /// which ends their system calls. They may have been left in the middle, by threads that were
    /// cancelled or handlers that did not return, and be counted for ever.
    pub(crate) fn keeps_callers(&self) -> bool {
        for turn in 0..TURNS {
            if !self.has_callers() {
                return false;
            }
            pause(turn);
        }
        true
    }

    /// Whether anybody is inside, or counted in, at this moment.
    pub(crate) fn is_in_use(&self) -> bool {
        // Relaxed: a reaper that stays was seen by the thread that destroyed the context, which the
        // caller has acquired from. Others only come and go, because the context is not live.
        // SeqCst: pairs with `begin_call`, against an entry of the registry that is given to
        // another context. Visitors need not be seen: who destroys the context has waited for them, or left
        // memory in the ring's place.
        self.holder.load(Relaxed) != 0 || self.callers.load(SeqCst) != 0
    }
}

/// Whether `thread` need not wait for this holder: it waits itself for `thread`, its signal
/// handler, or somebody has waited in vain.
#[inline]
fn stays(holder: usize, thread: usize) -> bool {
    holder == thread || holder & PASSED != 0
}

/// Counts this thread out of a counter that it was counted in.
#[inline]
pub(super) fn count_out(counter: &AtomicU32) {
    // In a child that was forked meanwhile the count was wiped. Relaxed: otherwise this thread is
    // in it.
    if counter.load(Relaxed) != 0 {
        counter.fetch_sub(1, Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::engine::patience::waits;

    const A: usize = 2;
    const B: usize = 4;

    #[test]
    fn one_reaper_at_a_time() {
        let gate = Gate::default();
        assert!(gate.enter(A));
        assert!(!gate.enter(A) && !gate.enter(B));
        gate.leave();
        assert!(gate.enter(B));
    }

    /// The reaper never comes back, and nobody waits for it for ever.
    #[test]
    fn a_reaper_that_stays_is_passed() {
        let gate = Gate::default();
        assert!(gate.enter(A) && gate.is_undisturbed(A));
        for thread in [A, B] {
            assert!(!gate.begin_call(thread));
            assert!(gate.has_callers() && !gate.is_undisturbed(A));
            gate.end_call();
            assert!(!gate.has_callers());
        }
        assert!(!gate.enter(A) && !gate.enter(B) && gate.is_in_use());
        assert!(!gate.close(A), "and its own thread not for long");
        gate.leave();
        assert!(gate.enter(B) && gate.is_undisturbed(B));
        gate.leave();
        assert!(gate.begin_call(A), "the next one is waited for");
        assert!(gate.close(B), "a caller is not at the ring");
        gate.begin_visit();
        assert!(!gate.close(B), "but one that revokes is");
        gate.end_visit();
        assert!(gate.close(B));
    }

    #[test]
    fn a_reaper_waits_for_another_one_but_not_for_its_own_thread() {
        let gate = Gate::default();
        assert!(gate.enter(A));
        assert_eq!(waits::of(|| gate.enter(A)), (false, 1));
        assert_eq!(waits::of(|| gate.enter(B)), (false, SPINS));
        assert!(!gate.begin_call(A));
        assert_eq!(waits::of(|| gate.enter(B)), (false, 1), "it stays");
    }

    #[test]
    fn a_caller_goes_on_when_the_reaper_leaves() {
        thread_local! {
            static GATE: Gate = Gate::default();
        }
        let begin_call = || GATE.with(|gate| gate.begin_call(B));
        assert!(GATE.with(|gate| gate.enter(A)));
        let leave = || GATE.with(Gate::leave);
        assert_eq!(waits::during(leave, begin_call), (true, 1));
        assert!(GATE.with(|gate| gate.close(A)));
    }

    #[test]
    fn a_caller_waits_once_for_a_reaper_that_stays() {
        let gate = Gate::default();
        assert_eq!(waits::of(|| gate.begin_call(A)), (true, 0));
        assert!(gate.enter(A));
        assert_eq!(waits::of(|| gate.begin_call(B)), (false, TURNS));
        assert_eq!(waits::of(|| gate.begin_call(B)), (false, 0));
        gate.leave();
        assert!(gate.enter(A));
        assert_eq!(waits::of(|| gate.begin_call(A)), (false, 0), "its handler");
    }

    #[test]
    fn who_destroys_waits_longer_for_other_threads() {
        let gate = Gate::default();
        assert_eq!(waits::of(|| gate.close(A)), (true, 0));
        assert!(gate.enter(A));
        assert_eq!(waits::of(|| gate.close(A)), (false, TURNS));
        assert!(!gate.is_undisturbed(A));
        assert_eq!(waits::of(|| gate.close(B)), (false, TURNS_OF_DESTROY));
        assert_eq!(waits::of(|| gate.close(A)), (false, TURNS), "also passed");
    }

    #[test]
    fn who_destroys_waits_for_callers_to_leave() {
        thread_local! {
            static GATE: Gate = Gate::default();
        }
        let keeps_callers = || GATE.with(Gate::keeps_callers);
        assert_eq!(waits::of(keeps_callers), (false, 0));
        assert!(GATE.with(|gate| gate.begin_call(A)));
        assert_eq!(waits::of(keeps_callers), (true, TURNS));
        let leave = || GATE.with(Gate::end_call);
        assert_eq!(waits::during(leave, keeps_callers), (false, 1));
    }

    #[test]
    fn whoever_is_inside_or_counted_uses_the_gate() {
        let gate = Gate::default();
        assert!(!gate.is_in_use());
        assert!(gate.enter(A) && gate.is_in_use());
        gate.leave();
        assert!(gate.begin_call(A) && gate.is_in_use());
        gate.end_call();
        assert!(!gate.is_in_use());
    }

    /// The memory of a forked child is wiped while the call goes on.
    #[test]
    fn a_child_is_not_counted_out() {
        let gate = Gate::default();
        gate.end_call();
        gate.end_visit();
        assert!(!gate.has_callers() && gate.close(A));
    }
}
