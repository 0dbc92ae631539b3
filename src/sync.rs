//! The atomics, what a thread does while it waits for another one, and sizes.
//!
//! `tests/models` builds the lock-free modules against loom by bringing another module of this name.

pub use core::hint::spin_loop;
pub use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use crate::sys;

/// How often a thread looks again before it gives up, or sleeps: a few microseconds.
pub const SPINS: u32 = 100;

/// Four times the contexts that the library promises to know, so that runs of full entries are short.
pub const ENTRIES_LOG2: u32 = 14;

/// A context lies within so many entries of where its address hashes to.
pub const REACH: usize = 32;

/// Keeps the compiler from moving accesses across, for signal handlers of the same thread.
#[inline]
pub fn signal_fence() {
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
}

/// Sleeps while `word` is `value`, for a millisecond at most, or until [`wake_all`].
pub fn sleep_while(word: &AtomicU32, value: u32) {
    sys::futex_wait(word, value, 1_000_000);
}

/// Wakes everybody who sleeps on `word`.
pub fn wake_all(word: &AtomicU32) {
    sys::futex_wake(word);
}
