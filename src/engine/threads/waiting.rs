//! Waiting for events: how long, and how a thread that waits is woken.

use core::ffi::c_int;

use super::own_descriptor::OwnDescriptor;
use crate::sync::AtomicU32;
use crate::sync::Ordering::{Relaxed, SeqCst};
use crate::sys::errno::Errno;
use crate::sys::{eventfd, files, futex};

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
    /// Threads that sleep on `wakes`, or are about to.
    sleepers: AtomicU32,
    /// Threads that wait with a signal mask, in `ppoll`, which no futex can wake.
    masked: AtomicU32,
    /// The eventfd that wakes those.
    eventfd: OwnDescriptor,
}

/// Longer than anybody waits at one go.
const LONG: i64 = 1_000_000_000_000_000;
/// How long `ppoll` sleeps where no eventfd can be had.
const SLICE: i64 = 1_000_000;

impl Waiters {
    /// Starts with none. The counts may be wrong in a child that a signal handler forked during a
    /// wait.
    pub(crate) fn start(&self) {
        for count in [&self.wakes, &self.sleepers, &self.masked] {
            count.store(0, Relaxed);
        }
    }

    /// Wakes everybody, after an event became visible or the context is being destroyed.
    pub(crate) fn wake(&self) {
        // SeqCst: pairs with the counts in `sleep`: the sleeper counts itself, then looks for
        // events.
        if self.sleepers.load(SeqCst) != 0 {
            self.wakes.fetch_add(1, SeqCst);
            futex::wake(&self.wakes, u32::MAX >> 1);
        }
        if self.masked.load(SeqCst) != 0 {
            // After the event became visible: a thread that makes the eventfd looks for events
            // afterwards.
            if let Some(eventfd) = still_eventfd(self.eventfd.get()) {
                eventfd::signal(eventfd);
            }
        }
    }

    /// Sleeps until [`Waiters::wake`], unless `ready` says that there is something already.
    pub(crate) fn sleep(&self, limit: Limit, ready: impl Fn() -> bool) -> Woken {
        self.sleepers.fetch_add(1, SeqCst);
        let wakes = self.wakes.load(SeqCst);
        let woken = if ready() {
            Woken::Perhaps
        } else {
            let far = futex::now() + LONG;
            let deadline = match limit {
                Limit::Until(deadline) => deadline.min(far),
                _ => far,
            };
            match futex::sleep_until(&self.wakes, wakes, deadline) {
                Err(Errno::EINTR) => Woken::Interrupted,
                Err(Errno::ETIMEDOUT) if deadline != far => Woken::Late,
                _ => Woken::Perhaps,
            }
        };
        self.sleepers.fetch_sub(1, SeqCst);
        woken
    }

    /// As [`Waiters::sleep`], with another signal mask meanwhile. A handler that the mask lets
    /// through runs even if `ready` says yes or the limit is now.
    ///
    /// # Safety
    /// `mask` can be read.
    pub(crate) unsafe fn sleep_with_mask(
        &self,
        limit: Limit,
        mask: *const libc::sigset_t,
        ready: impl Fn() -> bool,
    ) -> Woken {
        self.masked.fetch_add(1, SeqCst);
        let eventfd = self.eventfd();
        let now = if limit == Limit::Now { 0 } else { futex::now() };
        let is_ready = ready();
        let rest = match limit {
            _ if is_ready => 0,
            Limit::Now => 0,
            Limit::Until(deadline) => (deadline - now).clamp(0, LONG),
            Limit::Never => LONG,
        };
        let slice = if eventfd.is_none() {
            rest.min(SLICE)
        } else {
            rest
        };
        // SAFETY: the caller keeps the same promise.
        let mut result = unsafe { files::poll_with_mask(eventfd, slice, mask) };
        let woken_by = eventfd.filter(|_| result == Ok(true));
        if let Some(eventfd) = woken_by {
            eventfd::drain(eventfd);
        }
        // SeqCst: pairs with `wake`.
        let are_others = self.masked.fetch_sub(1, SeqCst) > 1;
        if let Some(eventfd) = woken_by.filter(|_| are_others) {
            // The others' wake-up may have gone to this thread.
            eventfd::signal(eventfd);
            if !ready() {
                // This thread wants more than the others, and leaves the wake-up to them for a
                // while.
                // SAFETY: as above.
                result = unsafe { files::poll_with_mask(None, rest.min(SLICE), mask) };
                if result == Ok(false) {
                    return Woken::Perhaps;
                }
            }
        }
        match result {
            Err(Errno::EINTR) => Woken::Interrupted,
            Ok(false) if !is_ready && slice == rest && rest != LONG => Woken::Late,
            _ => Woken::Perhaps,
        }
    }

    fn eventfd(&self) -> Option<c_int> {
        still_eventfd(self.eventfd.get_or_make(eventfd::make).ok())
    }

    /// Gives the eventfd back when the context is destroyed.
    pub(crate) fn end(&self) {
        if let Some(eventfd) = still_eventfd(self.eventfd.take()) {
            files::close(eventfd);
        }
    }
}

/// The descriptor, unless it is another file's by now: the program may have closed all that it
/// found.
fn still_eventfd(fd: Option<c_int>) -> Option<c_int> {
    fd.filter(|&fd| eventfd::is_eventfd(fd))
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
