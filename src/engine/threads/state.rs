//! What the engine knows of this process, where that is, and how it knows that the process is still
//! the same.

use core::ptr;

use super::contexts::Contexts;
use super::helpers::Helpers;
use super::poller::Pollers;
use crate::configuration;
use crate::staff::crew::Crew;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed};
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::memory;
use crate::sys::process::{self, AtQuickExit, Run as _};
use crate::sys::proven_pages::ProvenPages;
use crate::sys::signals::Blocked;

/// What the process state holds of this engine. All zero: it was not used, as in a forked child.
#[repr(C)]
pub(crate) struct Root {
    /// Where [`Threads`] is. 0: no context was made.
    at: AtomicUsize,
    /// Whether a served context is of use to the program: 0: not asked yet, [`YES`] or [`NO`].
    serves: AtomicU32,
}

const YES: u32 = 1;
const NO: u32 = 2;

/// What the engine knows, mapped when the first context is made: it is too large for a process that
/// needs none of it. It stays. All zero: nothing, as in a forked child.
#[repr(C)]
pub(crate) struct Threads {
    /// The contexts.
    pub contexts: Contexts,
    /// The helper threads.
    pub helpers: Helpers,
    /// The pollers.
    pub pollers: Pollers,
    /// All threads of the library.
    pub crew: Crew,
    /// Pages that the kernel has written, or could write.
    pub writable: ProvenPages,
    /// Whether the engine's work is finished at the end of the process.
    pub ends_at_exit: AtomicU32,
    /// Whether the library stays loaded, because it has started threads.
    pub stays_loaded: AtomicU32,
    /// What a process calls that ends by `quick_exit(3)`: an [`AtQuickExit`].
    pub at_quick_exit: AtomicUsize,
    /// The process that this memory is of, where the kernel does not wipe it in a child; else
    /// [`WIPED`].
    owner: AtomicU32,
}

/// In [`Threads::owner`]: a child finds zeroes here.
const WIPED: u32 = u32::MAX;

impl Root {
    /// Whether this engine takes the place of a kernel without AIO, if the environment does not say.
    /// `collects` finds out whether the program gets its events through this library; it is asked
    /// once.
    #[cold]
    pub(crate) fn serves(&self, collects: impl FnOnce() -> bool) -> bool {
        // Relaxed: threads that ask at the same time come to the same answer.
        let mut known = self.serves.load(Relaxed);
        if known == 0 {
            known = if collects() { YES } else { NO };
            self.serves.store(known, Relaxed);
        }
        known == YES
    }

    /// What the engine knows, if this process has contexts of it.
    #[inline]
    pub(crate) fn used(&self) -> Option<&'static Threads> {
        // Acquire: pairs with the exchange in `made`.
        let at = self.at.load(Acquire);
        if at == 0 {
            return None;
        }
        // SAFETY: `made` has mapped it, and it stays.
        let threads = unsafe { at_address(at) };
        (threads.contexts.are_any() && threads.are_ours()).then_some(threads)
    }

    /// Finishes the engine's work at the end of the process.
    pub(crate) fn finish(&self) {
        // Acquire: as in `used`.
        let at = self.at.load(Acquire);
        if at != 0 {
            // SAFETY: as in `used`.
            unsafe { at_address(at) }.run();
        }
    }

    /// What [`Root::used`] gives, made if it is not there, before a context is made. None: there is no memory.
    /// `wipes` lets a forked child find zeroes in the process state, and says whether it does.
    /// `at_quick_exit` calls [`Root::finish`].
    pub(crate) fn made(
        &self,
        wipes: impl Fn() -> bool,
        at_quick_exit: AtQuickExit,
    ) -> Option<&'static Threads> {
        loop {
            // Acquire: pairs with the exchange.
            let found = self.at.load(Acquire);
            if found != 0 {
                // SAFETY: it was mapped here, and stays.
                let threads = unsafe { at_address(found) };
                if threads.are_ours() {
                    return Some(threads);
                }
                // This process is a child that inherited its parent's, which it forgets.
            }
            let mapped = memory::map_zeroes(size_of::<Threads>())?;
            let made = mapped.expose_provenance();
            // SAFETY: just mapped, and zero is the empty state of every part.
            let threads = unsafe { at_address(made) };
            threads.start(&wipes, at_quick_exit);
            // AcqRel: releases what `start` stored.
            let exchanged = self.at.compare_exchange(found, made, AcqRel, Relaxed);
            if exchanged.is_ok() {
                return Some(threads);
            }
            // SAFETY: nobody knows of it.
            unsafe { memory::unmap(mapped, size_of::<Threads>()) };
        }
    }
}

/// # Safety
/// `Root::made` has mapped it.
#[inline]
unsafe fn at_address(at: usize) -> &'static Threads {
    // SAFETY: it stays for as long as the process.
    unsafe { &*ptr::with_exposed_provenance(at) }
}

impl Threads {
    fn start(&self, wipes: impl Fn() -> bool, at_quick_exit: AtQuickExit) {
        self.at_quick_exit.store(at_quick_exit as usize, Relaxed);
        // qemu-user accepts any advice and does nothing.
        let is_wiped = wipes() && memory::wipe_on_fork(self) && !memory::takes_any_advice();
        let owner = if is_wiped {
            WIPED
        } else {
            process::id() as u32
        };
        self.owner.store(owner, Relaxed);
        self.helpers.set_limit(configuration::threads_limit());
        self.crew.set_process(process::id());
        self.helpers.link.set_crew(&self.crew);
        self.pollers.set_crew(&self.crew);
    }

    /// Lets all threads of the library end, and waits for it. The caller's signals are blocked.
    pub(crate) fn let_all_end(&self, _: &Blocked) {
        self.helpers.link.end(None, false);
        self.pollers.end(false);
        self.crew.wait_until_gone();
    }

    /// Whether this memory is this process's, not its parent's.
    #[cold]
    pub(crate) fn are_ours(&self) -> bool {
        let owner = self.owner.load(Relaxed);
        owner == WIPED || owner == process::id() as u32
    }
}
