//! Tables: how large they are, and where a context is looked for by its address.
//!
//! The models bring another module of this name, with tables of two places.

pub(super) use crate::sys::memory::first_place;

/// The kernel engine's table: 128 KiB, for which every process pays that locks its memory. Half as
/// many contexts always find a place; where one does not, its calls are system calls. Miri takes
/// its time for each.
pub(super) const ENTRIES_LOG2: u32 = if cfg!(miri) { 6 } else { 12 };

/// A context lies within so many entries of where its address hashes to.
pub(super) const REACH: usize = 32;

/// Counters of threads that call with a context which is not in the kernel engine's table.
pub(super) const STRANGERS_LOG2: u32 = 6;

/// Places where it is kept how waits at a ring went: a kilobyte.
pub(super) const SPINNING_LOG2: u32 = 8;

/// The threads engine's table: so many contexts may one process have.
#[cfg(feature = "threads")]
pub(super) const CONTEXTS_LOG2: u32 = 13;

/// As [`REACH`], in the threads engine's table.
#[cfg(feature = "threads")]
pub(super) const CONTEXTS_REACH: usize = 64;

/// Pollers that one process may have. Each has as many files as a process may open.
#[cfg(feature = "threads")]
pub(super) const POLLERS: usize = 8;

/// Numbers that files of helpers may have.
#[cfg(feature = "threads")]
pub(super) const FILE_NUMBERS: usize = 8192;

/// Lanes in which requests for a file keep their order. Files that share one wait for each other without
/// need.
#[cfg(feature = "threads")]
pub(super) const LANES: usize = 256;
