//! The writable memory that the library has: what it knows of this process.
//!
//! It is zero at the start, and it is zero again in a forked child, however the child was made: the
//! kernel wipes it (`MADV_WIPEONFORK`, Linux 4.14). So a child knows none of its parent's contexts.

use crate::engine::kernel::Kernel;
#[cfg(feature = "threads")]
use crate::engine::threads;
use crate::sys::memory;

/// What each engine knows. The pages that are wiped hold nothing else.
#[repr(C)]
pub(super) struct ProcessState {
    pages: memory::OwnPages,
    /// The kernel engine.
    pub kernel: Kernel,
    /// The engine that needs no kernel AIO.
    #[cfg(feature = "threads")]
    pub threads: threads::Root,
}

/// A library of 2 MiB would be aligned so by the kernel, and what is loaded after it lose most of
/// its randomness; and memory that a process locks is memory that it needs. What is large is mapped
/// when it is needed.
const _: () = assert!(size_of::<ProcessState>() <= 192 * 1024);

/// In `libaio.a` each function is a member of its own, and all of them must share one state. So it
/// is a member too, and the functions refer to it by a name that the Makefile gives it.
#[cfg(not(test))]
#[unsafe(export_name = "libaio_process_state_storage")]
static STORAGE: ProcessState = ProcessState::empty();

#[cfg(not(test))]
unsafe extern "C" {
    /// The state of this process.
    #[link_name = "libaio_process_state"]
    pub(super) safe static STATE: ProcessState;
}

/// The state of this process.
#[cfg(test)]
pub(super) static STATE: ProcessState = ProcessState::empty();

impl ProcessState {
    const fn empty() -> ProcessState {
        // SAFETY: zero is the empty state of every part.
        unsafe { core::mem::MaybeUninit::zeroed().assume_init() }
    }

    /// Lets forked children find zeroes here. False where the kernel cannot do that.
    pub(super) fn wipe_on_fork(&self) -> bool {
        memory::wipe_on_fork(self)
    }
}
