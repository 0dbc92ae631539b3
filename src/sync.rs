//! The atomics, and what a thread does while it waits for another one.
//!
//! `tests/models` builds the lock-free modules against loom by bringing another module of this name.

pub use core::hint::spin_loop;
pub use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use crate::sys;

/// Sleeps while `word` is `value`, for a millisecond at most, or until [`wake_all`].
pub fn sleep_while(word: &AtomicU32, value: u32) {
    sys::futex_wait(word, value, 1_000_000);
}

/// Wakes everybody who sleeps on `word`.
pub fn wake_all(word: &AtomicU32) {
    sys::futex_wake(word);
}
