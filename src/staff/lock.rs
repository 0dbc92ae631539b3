//! A lock for a few steps.
//!
//! A thread of the program takes it only while its signals are blocked, so no handler finds it taken
//! by the code that it interrupted, and none leaves its holder by `longjmp`. Nothing of the program's
//! is touched or waited for while it is held. A child that is forked meanwhile by another thread finds
//! all of the engine's memory zeroed.

use crate::sync::AtomicU32;
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sys::futex;

/// Free.
const FREE: u32 = 0;
/// Taken.
const TAKEN: u32 = 1;
/// Taken, and perhaps somebody sleeps until it is free.
const CONTENDED: u32 = 2;

/// All zero: free.
#[derive(Default)]
#[repr(transparent)]
pub(crate) struct Lock(AtomicU32);

/// The lock is taken, until this is dropped.
pub(crate) struct Held<'a>(&'a Lock);

impl Lock {
    /// Takes it. A thread of the program has its signals blocked.
    pub(crate) fn take(&self) -> Held<'_> {
        // Acquire: pairs with the release in `drop`.
        if self
            .0
            .compare_exchange(FREE, TAKEN, Acquire, Relaxed)
            .is_err()
        {
            while self.0.swap(CONTENDED, Acquire) != FREE {
                let _ = futex::sleep_until(&self.0, CONTENDED, futex::now() + FAR);
            }
        }
        Held(self)
    }
}

/// A sleep has a deadline; it begins again.
const FAR: i64 = 1_000_000_000;

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // Release: pairs with `take`.
        if self.0.0.swap(FREE, Release) == CONTENDED {
            futex::wake(&self.0.0, 1);
        }
    }
}
