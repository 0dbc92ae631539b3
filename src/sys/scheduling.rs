//! On which processors a thread runs, and by which policy.
//!
//! A thread inherits both from the one that starts it. That may be pinned to a processor, and run
//! there by a policy that leaves nothing to others.

use core::ffi::{c_int, c_long};
use core::ptr;

use super::errno::result;
use super::limits;

/// A set of processors: more than Linux has.
#[derive(Clone, Copy)]
pub(super) struct Processors {
    bits: [u64; 128],
    /// How many bytes of it the kernel has.
    bytes: usize,
}

impl Processors {
    /// Those of this thread.
    fn of_this_thread() -> Option<Processors> {
        let mut bits = [0u64; 128];
        // SAFETY: there is room for so many bytes.
        let bytes = result(|| unsafe {
            libc::syscall(
                libc::SYS_sched_getaffinity,
                0 as c_long,
                size_of_val(&bits),
                bits.as_mut_ptr(),
            )
        });
        let bytes = bytes.ok()? as usize;
        Some(Processors { bits, bytes })
    }

    fn count(&self) -> u32 {
        self.bits.iter().map(|word| word.count_ones()).sum()
    }

    /// Lets this thread run on them, of which it gets those that the system grants the process.
    pub(super) fn take(&self) {
        // SAFETY: the set is there.
        let _ = result(|| unsafe {
            libc::syscall(
                libc::SYS_sched_setaffinity,
                0 as c_long,
                self.bytes,
                self.bits.as_ptr(),
            )
        });
    }
}

/// Lets this thread, and those that it starts, run on all processors, if it may not already. What it
/// had, which it is to take again.
pub(super) fn widen() -> Option<Processors> {
    let own = Processors::of_this_thread()?;
    if own.count() >= limits::possible_cpus() {
        return None;
    }
    let all = Processors {
        bits: [u64::MAX; 128],
        ..own
    };
    all.take();
    Some(own)
}

/// Gives this thread the ordinary policy, if it has another one.
pub(super) fn be_ordinary() {
    // SAFETY: it only asks.
    let policy = result(|| unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0 as c_long) });
    if policy == Ok(libc::SCHED_OTHER) {
        return;
    }
    // `struct sched_param`: no priority.
    let priority: c_int = 0;
    // SAFETY: the structure is there.
    let _ = result(|| unsafe {
        libc::syscall(
            libc::SYS_sched_setscheduler,
            0 as c_long,
            c_long::from(libc::SCHED_OTHER),
            ptr::from_ref(&priority),
        )
    });
}
