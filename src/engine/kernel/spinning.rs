//! `LIBAIO_SPIN`: a wait looks at the ring for some microseconds before it makes the system call. To be
//! woken by the kernel takes longer than a fast disk does.
//!
//! Who looks is a visitor at the gate, for as long as one look takes. Reapers and callers go on beside it, and
//! who destroys the context waits for the end of a look. At each ring one thread looks, while nobody
//! waits in the kernel: what is ready beside a caller is the caller's. All other waits are system calls at once.
//!
//! Signals are blocked meanwhile, and the looks end when one has come. The system call then takes the mask
//! that the thread had, so that a handler ends it, as it ends a wait that began in the kernel. A handler that
//! ran between two looks would end nothing.
//!
//! Where it does not pay it is hardly done: after many waits in vain, or where the thread has to wait for its
//! processor, one of many tries.

use core::ffi::c_long;

use super::registry::Entry;
use super::ring;
use crate::abi::io_context_t;
use crate::engine::patience::{LOOKS, PAUSES, spin};
use crate::engine::tables::{SPINNING_LOG2, first_place};
use crate::sync::AtomicU32;
use crate::sync::Ordering::Relaxed;
use crate::sys::futex;
use crate::sys::signals::Signals;

/// How the last waits went, by the context's address. Contexts that share a place share what was learnt. All
/// zero: it pays.
#[repr(C)]
pub(crate) struct Spinning {
    pub(crate) places: [Place; 1 << SPINNING_LOG2],
}

/// What the last waits have cost, less what they gave; 0: nothing is known. From [`ENOUGH`] on waits do not
/// try, and each of these takes one away. With [`BUSY`] added while a thread looks, which alone changes it then.
#[derive(Default)]
#[repr(transparent)]
pub(crate) struct Place(pub(crate) AtomicU32);

/// A wait in vain: so many waits do not try for it, where all are in vain.
const IN_VAIN: u32 = 32;
/// With so much they are not worth it: where they have been, after 512 in vain.
const ENOUGH: u32 = 512 * IN_VAIN;
/// With that it begins: sixteen in vain are enough.
const FIRST: u32 = ENOUGH - 16 * IN_VAIN;
/// More is forgotten: so many waits do not try for it.
const MOST: u32 = ENOUGH + 4096;
/// What a wait that was not in vain gives. It pays if there are fewer than four in vain for each.
const GIVEN: u32 = 4 * IN_VAIN;
/// A microsecond for which the thread was not run, because it had used up its share of the processor: a
/// sleeping thread would have been woken. Some sixteen of them are what a wait gives.
const NOT_RUN: u32 = GIVEN / 16;
/// So many nanoseconds later than they should the looks may end, where the thread was run.
const TOLERATED: i64 = 20_000;
/// Added while a thread looks. It stays for ever if a process that shares this memory (`vfork(2)`) is killed
/// meanwhile; then nobody looks any more.
const BUSY: u32 = 1 << 31;

/// What a thread has seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    /// Enough events.
    Enough,
    /// Not enough of them, all the time.
    Nothing,
    /// Somebody else who waits, or a signal; or it was not for this thread to look.
    Others,
}

impl Spinning {
    /// Where it is kept how waits on a context went.
    pub(crate) fn place(&self, ctx: io_context_t) -> &Place {
        let index = first_place(ctx.addr(), SPINNING_LOG2) % self.places.len();
        // SAFETY: the remainder is below the length.
        unsafe { self.places.get_unchecked(index) }
    }
}

impl Place {
    /// Whether a wait is to try.
    pub(crate) fn is_worth_it(&self) -> bool {
        // Relaxed, here and below: it is a guess, and nothing else hangs on it.
        let found = self.0.load(Relaxed);
        if found >= ENOUGH && found & BUSY == 0 {
            let _ = self.0.compare_exchange(found, found - 1, Relaxed, Relaxed);
        }
        found < ENOUGH
    }

    /// Looks at a ring until `at_least` events are ready, for `limit` nanoseconds from `begin` on. The thread
    /// blocks its signals, and `mask` is what it has had as its mask.
    pub(crate) fn spin(
        &self,
        entry: &Entry,
        ctx: io_context_t,
        at_least: c_long,
        (begin, limit): (i64, i64),
        mask: Signals,
    ) -> Seen {
        let before = self.0.load(Relaxed);
        let is_mine = || {
            let busy = before | BUSY;
            self.0.compare_exchange(before, busy, Relaxed, Relaxed)
        };
        if before & BUSY != 0 || is_mine().is_err() {
            return Seen::Others;
        }
        let mut passed = 0;
        let seen = loop {
            match look_for_a_while(entry, ctx, at_least) {
                Seen::Nothing if mask.have_come() => break Seen::Others,
                Seen::Nothing => {}
                seen => break seen,
            }
            let now = futex::now() - begin;
            // A clock that stands measures nothing, nor does one that a filter of system calls refuses.
            if now <= passed || now >= limit {
                break Seen::Nothing;
            }
            passed = now;
        };
        let late = futex::now() - begin - limit;
        self.0.store(learnt(before, seen, late), Relaxed);
        seen
    }
}

/// What is learnt from a wait that has tried, and was over `late` nanoseconds after its limit: the place's number
/// then.
fn learnt(before: u32, seen: Seen, late: i64) -> u32 {
    let known = if before == 0 { FIRST } else { before };
    let microseconds = late.saturating_sub(TOLERATED) / 1000;
    match seen {
        Seen::Others => before,
        Seen::Enough if microseconds <= 0 => known.saturating_sub(GIVEN).max(1),
        // Now and then every thread has to wait for its processor: once is not enough.
        _ => {
            let not_run = microseconds.clamp(0, ENOUGH.into()) as u32 * NOT_RUN;
            (known + (IN_VAIN + not_run).min(ENOUGH - GIVEN)).min(MOST)
        }
    }
}

/// Looks a few times.
fn look_for_a_while(entry: &Entry, ctx: io_context_t, at_least: c_long) -> Seen {
    for _ in 0..LOOKS {
        let seen = look(entry, ctx, at_least);
        if seen != Seen::Nothing {
            return seen;
        }
        for _ in 0..PAUSES {
            spin();
        }
    }
    Seen::Nothing
}

/// Looks once. What it sees of a ring at which others take events may be wrong: whoever takes events
/// looks again, inside the gate.
fn look(entry: &Entry, ctx: io_context_t, at_least: c_long) -> Seen {
    if entry.gate.has_callers() {
        return Seen::Others;
    }
    entry.gate.begin_visit();
    let seen = match entry.slots() {
        Some(nr) if entry.is_live(ctx.addr()) => {
            // SAFETY: the ring is mapped: this thread is counted at the gate of a context that is not being
            // destroyed.
            let ring = unsafe { &*ctx.cast_const() };
            // While events are claimed nobody can say how many there are.
            let ready = ring::look(ring, nr).map_or(0, |look| look.ready);
            // At most 2^24 are ready.
            if ready as c_long >= at_least {
                Seen::Enough
            } else {
                Seen::Nothing
            }
        }
        _ => Seen::Others,
    };
    entry.gate.end_visit();
    seen
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_pay_is_tried_now_and_then() {
        let place = Place::default();
        let try_once = |seen| {
            assert!(place.is_worth_it());
            place
                .0
                .store(learnt(place.0.load(Relaxed), seen, 0), Relaxed);
        };
        for _ in 0..16 {
            try_once(Seen::Nothing);
        }
        assert!(!place.is_worth_it());
        for _ in 0..3 {
            try_once(Seen::Nothing);
            for _ in 0..32 {
                assert!(!place.is_worth_it());
            }
        }
        // The next one sees something.
        try_once(Seen::Enough);
        for _ in 0..4 {
            try_once(Seen::Others);
            try_once(Seen::Nothing);
        }
        try_once(Seen::Nothing);
        assert!(!place.is_worth_it());
        // What has paid is tried longer.
        place.0.store(0, Relaxed);
        for _ in 0..1000 {
            try_once(Seen::Enough);
        }
        for _ in 0..512 {
            try_once(Seen::Nothing);
        }
        assert!(!place.is_worth_it());
    }

    /// It shares a processor with others that run.
    #[test]
    fn a_thread_that_was_not_run_does_without_for_a_while() {
        for seen in [Seen::Enough, Seen::Nothing] {
            let mut last = learnt(1, seen, TOLERATED);
            assert!(last <= 1 + IN_VAIN);
            for late in [1_000, 2_000, 100_000] {
                let next = learnt(1, seen, TOLERATED + late);
                assert!(next > last, "{late}");
                last = next;
            }
            assert_eq!(last, 1 + IN_VAIN + 100 * NOT_RUN);
            assert_eq!(learnt(1, seen, i64::MAX), 1 + ENOUGH - GIVEN);
            assert_eq!(learnt(ENOUGH, seen, i64::MAX), MOST);
        }
        assert_eq!(learnt(7, Seen::Others, i64::MAX), 7);
        assert_eq!(learnt(0, Seen::Others, 0), 0);
        assert_eq!(learnt(200, Seen::Enough, i64::MIN), 200 - GIVEN);
        assert_eq!(learnt(2, Seen::Enough, 0), 1);
        // Once in a thousand waits it does not matter; once in fifty it does.
        let place = Place::default();
        let tried_of = |waits| {
            let wait = |number: &u32| {
                let tries = place.is_worth_it();
                let late = if number % waits == 0 { 3_000_000 } else { 0 };
                if tries {
                    place
                        .0
                        .store(learnt(place.0.load(Relaxed), Seen::Enough, late), Relaxed);
                }
                tries
            };
            (0..100_000).filter(wait).count()
        };
        assert!(tried_of(1000) > 90_000);
        assert!(tried_of(50) < 10_000);
    }

    #[test]
    fn one_thread_looks() {
        for before in [0, ENOUGH - 1, ENOUGH, MOST] {
            let place = Place(AtomicU32::new(before | BUSY));
            assert!(!place.is_worth_it());
            assert_eq!(place.0.load(Relaxed), before | BUSY, "it is not counted");
        }
    }
}
