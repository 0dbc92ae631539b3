//! How long one thread waits for another one that may never come.
//!
//! The models bring another module of this name: there, waiting once is enough.

use core::ffi::c_long;

use crate::sync::spin_loop;
use crate::sys::futex;

/// How often a thread looks again before it gives up or goes to sleep: a few microseconds.
pub(super) const SPINS: u32 = 100;

/// How often a thread pauses before it takes a reaper for one that stays: some 3 milliseconds.
pub(super) const TURNS: u32 = SPINS + 6;

/// The same for a thread that destroys the context: some 1.6 seconds.
pub(super) const TURNS_OF_DESTROY: u32 = SPINS + 15;

/// How often a thread looks whether the place of a ring that it moved is free: as long as
/// [`TURNS`].
pub(super) const LOOKS_AT_PLACE: u32 = TURNS;

/// How often a thread that waits at a ring looks at it between two looks at the clock: a microsecond or two.
pub(super) const LOOKS: u32 = 8;

/// How often it pauses between two looks at the ring.
pub(super) const PAUSES: u32 = 4;

/// The first sleep, in nanoseconds.
const FIRST_SLEEP: c_long = 50_000;

/// What a thread does between two looks.
#[inline]
pub(super) fn spin() {
    #[cfg(test)]
    waits::count();
    spin_loop();
}

/// What a thread does before it looks again, with `turn` counting up from 0. It spins at first.
/// Then it sleeps, each time twice as long, because the other thread may have the lower priority.
#[cold]
pub(super) fn pause(turn: u32) {
    #[cfg(test)]
    waits::count();
    match turn.checked_sub(SPINS) {
        None => spin_loop(),
        Some(sleeps) => futex::sleep(FIRST_SLEEP << sleeps),
    }
}

/// How often this thread has waited, for tests of how long something waits.
#[cfg(test)]
pub(super) mod waits {
    use std::cell::Cell;

    std::thread_local! {
        static WAITS: Cell<u32> = const { Cell::new(0) };
        /// What happens at every wait.
        static AT_WAIT: Cell<fn()> = const { Cell::new(|| ()) };
    }

    /// This thread waits.
    pub(crate) fn count() {
        WAITS.set(WAITS.get() + 1);
        AT_WAIT.get()();
    }

    /// How often `body` waits.
    pub(crate) fn of<T>(body: impl FnOnce() -> T) -> (T, u32) {
        during(|| (), body)
    }

    /// The same, while something happens at every wait.
    pub(crate) fn during<T>(at_wait: fn(), body: impl FnOnce() -> T) -> (T, u32) {
        let before = WAITS.get();
        AT_WAIT.set(at_wait);
        let result = body();
        AT_WAIT.set(|| ());
        (result, WAITS.get() - before)
    }
}
