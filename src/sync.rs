//! The atomics, what a thread does while it waits for another one, how it copies events, and sizes.
//!
//! `checks/models` builds the lock-free modules against loom by bringing another module of this name.

pub use core::hint::spin_loop;
#[cfg(feature = "threads")]
pub use core::sync::atomic::AtomicU64;
pub use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

#[cfg(feature = "threads")]
use crate::abi::io_event;
use crate::sys::futex;

/// How often a reaper looks again before it gives up: a few microseconds.
pub const SPINS: u32 = 100;

/// How often a thread pauses before it takes a reaper for one that stays: some 3 milliseconds.
pub const TURNS: u32 = SPINS + 6;

/// The same for a thread that destroys the context: some 1.6 seconds.
pub const TURNS_OF_DESTROY: u32 = SPINS + 15;

/// Four times the contexts that the library promises to know, so that runs of full entries are short.
/// Miri takes its time for each.
pub const ENTRIES_LOG2: u32 = if cfg!(miri) { 6 } else { 14 };

/// A context lies within so many entries of where its address hashes to.
pub const REACH: usize = 32;

/// What a thread does before it looks again, with `turn` counting up from 0: it spins at first, then
/// it sleeps, each time twice as long, because the other thread may have the lower priority.
#[cold]
pub fn pause(turn: u32) {
    match turn.checked_sub(SPINS) {
        None => spin_loop(),
        Some(sleeps) => futex::sleep(50_000 << sleeps),
    }
}

/// Copies events, between a ring and a program's array, or within a ring.
///
/// # Safety
/// `from` has `count` events and `to` has room for them. Either may be misaligned, as for the kernel.
#[cfg(feature = "threads")]
#[inline(always)]
pub unsafe fn copy_events(from: *const io_event, to: *mut io_event, count: u32) {
    let bytes = count as usize * size_of::<io_event>();
    // SAFETY: as promised; a slot and what it is copied to or from do not overlap.
    unsafe { core::ptr::copy_nonoverlapping(from.cast::<u8>(), to.cast::<u8>(), bytes) };
}
