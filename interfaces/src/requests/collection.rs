//! The requests that the program collects: [`super::collecting`].

use super::queue::Queue;
use super::slot::Index;
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicU32, fence};

/// A library without such an interface needs no room for them.
const HEADS: usize = if cfg!(feature = "solaris") { 1024 } else { 2 };

/// All zero: no requests.
#[repr(C)]
pub(crate) struct Collection {
    /// The first request of those whose structure's address hashes alike.
    heads: [Index; HEADS],
    /// Those that have ended, and were not collected.
    pub(super) kept: Queue,
    /// All that the program is to collect.
    pub(super) outstanding: u32,
    /// The words of the threads that wait to collect.
    pub(super) waiters: u64,
    /// How many of them were woken, and may not have come yet; and until when they are trusted to.
    pub(super) called: u32,
    pub(super) called_until: i64,
    /// Counts the ends; and how many there were when the last signal was sent.
    pub(super) ended: u64,
    pub(super) signalled: u64,
    /// The signal that the last of them asked for; and when it is to be sent at the earliest.
    pub(super) signal: i32,
    pub(super) signal_at: i64,
}

/// What a call may know of them without the lock, under which it changes. All zero: there are none.
#[repr(C)]
pub(crate) struct Glimpse {
    /// Those that have ended, or are about to be seen to have, and were not collected; and all.
    kept: AtomicU32,
    outstanding: AtomicU32,
    /// Counts the calls that collect.
    calls: AtomicU32,
}

impl Glimpse {
    /// One is about to be seen to have ended.
    pub(super) fn announce(&self) {
        // Release: pairs with `shows_none`, for who has seen the end in the program's structure.
        self.kept.fetch_add(1, Release);
    }

    /// One was collected.
    pub(super) fn collected(&self) {
        self.kept.fetch_sub(1, Relaxed);
    }

    /// So many there are.
    pub(super) fn count(&self, outstanding: u32) {
        self.outstanding.store(outstanding, Relaxed);
    }

    /// A call collects.
    pub(super) fn begin(&self) {
        self.calls.fetch_add(1, Relaxed);
    }

    /// How many calls there were that collect.
    pub(super) fn calls(&self) -> u32 {
        self.calls.load(Relaxed)
    }

    /// Whether some are in flight, and none has ended that was not collected. The caller looks at the ring
    /// beside.
    pub(crate) fn shows_none(&self) -> bool {
        // What the program has read of its structures it has read before.
        fence(Acquire);
        self.outstanding.load(Relaxed) != 0 && self.kept.load(Acquire) == 0
    }
}

fn hash(target: usize) -> usize {
    // Structures lie side by side, or in the program's larger ones.
    let mixed = (target >> 2) ^ (target >> 9) ^ (target >> 17);
    mixed % HEADS
}

impl Collection {
    pub(super) fn head(&mut self, target: usize) -> &mut Index {
        // SAFETY: the hash is below the length.
        unsafe { self.heads.get_unchecked_mut(hash(target)) }
    }

    /// Whether there is nothing that the program can collect, or wait for.
    pub(crate) fn is_empty(&self) -> bool {
        self.outstanding == 0
    }
}
