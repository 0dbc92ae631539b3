//! Waiting for events: how long, and how a thread that waits is woken.
//!
//! | who | changes | to |
//! |---|---|---|
//! | a thread that is about to sleep | `least` | what it wants, if that is less |
//! | who has posted what the least demanding one wants | `least`, then `wakes` | nobody's, and one more |
//!
//! All sleep on `wakes`. Who is woken for nothing says again what it wants. A thread that is gone by
//! `longjmp` leaves its wish behind: one wake-up, in which the others look.

use crate::sync::AtomicU32;
use crate::sync::Ordering::{Relaxed, SeqCst};
use crate::sys::errno::Errno;
use crate::sys::futex;
use crate::sys::signals::Signals;

/// How long a call may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Limit {
    /// Not at all.
    Now,
    /// Until the monotonic clock shows so many nanoseconds.
    Until(i64),
    /// For ever.
    Never,
}

impl Limit {
    /// What a timeout means: the kernel adds its parts up without checking them. A sum of 0 does
    /// not wait, and a negative one never ends (`read_events` in `fs/aio.c`).
    pub(crate) fn of((seconds, nanoseconds): (i64, i64)) -> Limit {
        /// From here on the kernel's sum is the largest one.
        const ENDLESS_SECONDS: i64 = i64::MAX / 1_000_000_000;
        if seconds >= ENDLESS_SECONDS {
            return Limit::Never;
        }
        match seconds
            .wrapping_mul(1_000_000_000)
            .wrapping_add(nanoseconds)
        {
            0 => Limit::Now,
            total if total < 0 => Limit::Never,
            total => futex::now()
                .checked_add(total)
                .map_or(Limit::Never, Limit::Until),
        }
    }

    /// The moment when a sleep ends that begins at `now`, and lasts `at_most` so long.
    fn deadline(self, now: i64, at_most: i64) -> i64 {
        match self {
            Limit::Now => now,
            Limit::Until(deadline) => deadline.min(now + at_most),
            Limit::Never => now + at_most,
        }
    }
}

/// How a sleep ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Woken {
    /// Something may have come.
    Perhaps,
    /// The time is over.
    Late,
    /// A signal handler has run.
    Interrupted,
}

/// The threads that wait at one context. All zero: none.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Waiters {
    /// Counts wake-ups; threads sleep on it.
    wakes: AtomicU32,
    /// How many events the least demanding one wants that sleeps, or is about to. 0: nobody does.
    least: AtomicU32,
    /// Whether a thread was ever woken, and others had taken what it was woken for.
    is_shared: AtomicU32,
}

/// Longer than anybody waits at one go.
const LONG: i64 = 1_000_000_000_000_000;
/// So often a thread that sleeps with its signals blocked looks whether one has come.
const SLICE: i64 = 1_000_000;
/// The same of one that has slept for long.
const LONG_SLICE: i64 = 16 * SLICE;

impl Waiters {
    /// Starts with none.
    pub(crate) fn start(&self) {
        self.wakes.store(0, Relaxed);
        self.least.store(0, Relaxed);
        self.is_shared.store(0, Relaxed);
    }

    /// Notes that others took what a thread was woken for.
    pub(crate) fn note_others(&self) {
        // Relaxed: whoever sees it late sleeps once more in the other way.
        self.is_shared.store(1, Relaxed);
    }

    /// Whether that ever happened.
    pub(crate) fn have_others(&self) -> bool {
        self.is_shared.load(Relaxed) != 0
    }

    /// Wakes all, if there are as many events as one of them wants. `available` counts them.
    pub(crate) fn wake(&self, available: impl Fn() -> u32) {
        // SeqCst: the event was posted before. A thread that is about to sleep says what it wants,
        // and then looks: one of the two sees the other.
        let least = self.least.load(SeqCst);
        if least != 0 && available() >= least {
            self.wake_all();
        }
    }

    /// Wakes all.
    pub(crate) fn wake_all(&self) {
        // SeqCst: a thread takes the count first, then says what it wants, then looks. If its wish is
        // taken away here, the count is another one before it sleeps.
        self.least.store(0, SeqCst);
        self.wakes.fetch_add(1, SeqCst);
        futex::wake(&self.wakes, u32::MAX >> 1);
    }

    /// Says that this thread wants so many events (not 0). What it sleeps on then.
    fn want(&self, events: u32) -> u32 {
        // SeqCst: see `wake_all`.
        let wakes = self.wakes.load(SeqCst);
        let mut least = self.least.load(SeqCst);
        while least == 0 || least > events {
            match self.least.compare_exchange(least, events, SeqCst, SeqCst) {
                Ok(_) => break,
                Err(other) => least = other,
            }
        }
        wakes
    }

    /// Sleeps until so many events are there, unless `ready` says that something is there already.
    /// Handlers run meanwhile.
    pub(crate) fn sleep(&self, events: u32, limit: Limit, ready: impl Fn() -> bool) -> Woken {
        let wakes = self.want(events);
        if ready() {
            return Woken::Perhaps;
        }
        let now = futex::now();
        let deadline = limit.deadline(now, LONG);
        match futex::sleep_until(&self.wakes, wakes, deadline) {
            Err(Errno::EINTR) => Woken::Interrupted,
            Err(Errno::ETIMEDOUT) if deadline - now < LONG => Woken::Late,
            _ => Woken::Perhaps,
        }
    }

    /// The same in a thread that has its signals blocked: those that `mask` lets through are let
    /// through, all at one moment, so that none comes between two steps and is not noticed.
    pub(crate) fn sleep_masked(
        &self,
        events: u32,
        limit: Limit,
        mask: Signals,
        ready: impl Fn() -> bool,
    ) -> Woken {
        let wakes = self.want(events);
        let begin = futex::now();
        loop {
            if ready() {
                return Woken::Perhaps;
            }
            if mask.have_come() && mask.deliver() {
                return Woken::Interrupted;
            }
            let now = futex::now();
            // A signal is noticed late by an eighth of the wait at most; and an idle program is idle.
            let slice = ((now - begin) / 8).clamp(SLICE, LONG_SLICE);
            let deadline = limit.deadline(now, slice);
            match futex::sleep_until(&self.wakes, wakes, deadline) {
                Err(Errno::ETIMEDOUT) if limit == Limit::Until(deadline) => return Woken::Late,
                Err(Errno::ETIMEDOUT | Errno::EINTR) => {}
                _ => return Woken::Perhaps,
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// How long a timeout lasts, if it ends.
    fn lasts(seconds: i64, nanoseconds: i64) -> Option<i64> {
        let before = futex::now();
        match Limit::of((seconds, nanoseconds)) {
            Limit::Until(deadline) => Some(deadline - before),
            _ => None,
        }
    }

    fn is_about(found: Option<i64>, expected: i64) -> bool {
        // The clock goes on, however slow the machine is.
        found.is_some_and(|found| found >= expected && found < expected + 60_000_000_000)
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri reads no clock by a system call")]
    fn timeouts_are_added_up_as_the_kernel_does() {
        assert_eq!(Limit::of((0, 0)), Limit::Now);
        assert_eq!(Limit::of((1, -1_000_000_000)), Limit::Now);
        assert_eq!(Limit::of((i64::MIN, 0)), Limit::Now, "the product is 0");
        assert_eq!(Limit::of((-1, 0)), Limit::Never);
        assert_eq!(Limit::of((0, -1)), Limit::Never);
        assert_eq!(Limit::of((9_223_372_036, 0)), Limit::Never);
        assert_eq!(Limit::of((i64::MAX, 0)), Limit::Never);
        assert!(is_about(lasts(1, -900_000_000), 100_000_000));
        assert!(is_about(lasts(-1, 1_999_999_999), 999_999_999));
        assert!(is_about(lasts(0, 5_000_000_000), 5_000_000_000));
        assert!(is_about(lasts(1_000_000, 1), 1_000_000_000_000_001));
        // The sum fits, but not with the time that the clock shows.
        assert_eq!(Limit::of((9_223_372_035, 999_999_999)), Limit::Never);
    }
}
