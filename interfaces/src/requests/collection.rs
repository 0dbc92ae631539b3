//! The requests that the program collects: [`super::collecting`].

use super::queue::Queue;
use super::slot::Index;

const HEADS: usize = 1024;

/// All zero: no requests.
#[repr(C)]
pub(crate) struct Collection {
    /// The first request of those whose structure's address hashes alike.
    heads: [Index; HEADS],
    /// Those that have ended, and were not collected.
    pub(super) kept: Queue,
    /// All that the program is to collect.
    pub(super) outstanding: u32,
    /// The words of the threads that wait to collect, and whether the leader is one of them.
    pub(super) waiters: u64,
    /// Counts the ends; and how many there were when the last signal was sent.
    pub(super) ended: u64,
    pub(super) signalled: u64,
    /// The signal that the last of them asked for; and when it is to be sent at the earliest.
    pub(super) signal: i32,
    pub(super) signal_at: i64,
    /// Counts the calls that collect.
    pub(crate) calls: u32,
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
