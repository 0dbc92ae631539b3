//! What the engine knows of this process, and how it knows that the process is still the same.

use core::mem::offset_of;
use core::ptr;

use super::contexts::Contexts;
use super::helpers::Helpers;
use super::known_files::KnownFiles;
use super::poller::Poller;
use crate::configuration;
use crate::sync::AtomicU32;
use crate::sync::Ordering::{Relaxed, SeqCst};
use crate::sys::proven_pages::ProvenPages;
use crate::sys::{futex, memory, process};

/// All zero: nothing, as in a forked child.
#[repr(C)]
pub(crate) struct Threads {
    /// The contexts.
    pub contexts: Contexts,
    /// The helper threads.
    pub helpers: Helpers,
    /// The poller.
    pub poller: Poller,
    /// Descriptors that need no `fstat`.
    pub known_files: KnownFiles,
    /// Pages that the kernel has written, or could write.
    pub writable: ProvenPages,
    /// Whether the engine's work is finished at the end of the process.
    pub ends_at_exit: AtomicU32,
    /// The process that this memory is of, where the kernel does not wipe it in a child; else
    /// [`WIPED`]. 0: not asked yet.
    owner: AtomicU32,
}

/// In [`Threads::owner`]: a child finds zeroes here.
const WIPED: u32 = u32::MAX;
/// In [`Threads::owner`]: a child is discarding the state inherited by fork.
const DISCARDING: u32 = u32::MAX - 1;

impl Threads {
    /// Gets ready before a context is made. `wipes` lets a forked child find zeroes here, and says
    /// whether it does.
    pub(crate) fn prepare(&self, wipes: impl Fn() -> bool) {
        self.settle_owner(wipes);
        self.helpers.set_limit(configuration::threads_limit());
    }

    /// Finds out how a forked child notices that it is one.
    fn settle_owner(&self, wipes: impl Fn() -> bool) {
        loop {
            let owner = self.owner.load(SeqCst);
            let process = process::id() as u32;
            match owner {
                0 => {
                    // qemu-user accepts any advice and does nothing.
                    let is_wiped = wipes() && !memory::takes_any_advice();
                    let owner = if is_wiped { WIPED } else { process };
                    self.owner.store(owner, SeqCst);
                }
                WIPED => return,
                DISCARDING => futex::sleep(1_000_000),
                owner if owner == process => return,
                _ => self.discard_inherited(owner),
            }
        }
    }

    /// Forgets the parent's contexts and threads, in a child that inherited them.
    #[cold]
    fn discard_inherited(&self, parent: u32) {
        // SeqCst: one thread does it, before any other makes a context.
        if self
            .owner
            .compare_exchange(parent, DISCARDING, SeqCst, SeqCst)
            .is_err()
        {
            return;
        }
        let start = ptr::from_ref(self).cast_mut().cast::<u8>();
        // SAFETY: it is all atomics, for which zero is the empty state, and nobody looks at them:
        // `are_ours` says no. The owner comes last.
        unsafe { start.write_bytes(0, offset_of!(Threads, owner)) };
        self.owner.store(0, SeqCst);
    }

    /// Whether this process has contexts of this engine.
    #[inline]
    pub(crate) fn are_used(&self) -> bool {
        self.contexts.are_any() && self.are_ours()
    }

    /// Whether this memory is this process's, not its parent's.
    #[cold]
    pub(crate) fn are_ours(&self) -> bool {
        let owner = self.owner.load(Relaxed);
        owner == WIPED || owner == process::id() as u32
    }
}
