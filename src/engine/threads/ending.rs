//! The end of the process: what was queued is finished, and the library's threads end. A library that
//! has started one stays loaded until then.

use super::state::Threads;
use crate::sync::AtomicU32;
use crate::sync::Ordering::Relaxed;
use crate::sys::loaded_objects;
use crate::sys::process::{self, AtQuickExit, Run};
use crate::sys::signals::{Blocked, Signals};

/// Sees to it that the engine's work is finished at the end of the process. Called before work is
/// given to a thread of the library.
pub(crate) fn finish_at_exit(threads: &Threads) {
    if is_first(&threads.ends_at_exit) {
        let quick: usize = threads.at_quick_exit.load(Relaxed);
        // SAFETY: it is the state, which stays; and `Threads::start` stored the function.
        unsafe { process::at_exit(threads, core::mem::transmute::<usize, AtQuickExit>(quick)) };
    }
}

/// Sees to it that the library is there until the end of the process. Called when work was given to a
/// thread of the library, before the program's call returns.
pub(crate) fn stay_loaded(threads: &Threads) {
    if is_first(&threads.stays_loaded) {
        loaded_objects::keep_this_one();
    }
}

/// Whether helpers can be had: starts the first one if that is not known.
///
/// # Safety
/// `mask` is the thread's signal mask.
pub(crate) unsafe fn try_helpers(threads: &Threads, mask: Signals) -> bool {
    finish_at_exit(threads);
    // SAFETY: as the caller promises.
    let are_there = unsafe { threads.helpers.try_to_start(mask) };
    if are_there {
        stay_loaded(threads);
    }
    are_there
}

/// Of threads that come here at the same time, one is the first.
fn is_first(done: &AtomicU32) -> bool {
    // Relaxed: nothing else is published.
    done.load(Relaxed) == 0 && done.swap(1, Relaxed) == 0
}

/// Finishes what is queued and ends the threads: the process ends, or the program unloads the
/// plug-in that contains the library.
impl Run for Threads {
    fn run(&self) {
        if !self.are_ours() {
            // A child inherits this call from its parent, but not the threads.
            return;
        }
        let _blocked = Blocked::new();
        self.helpers.drain();
        self.pollers.end(true);
        // The code may be gone with a program's plug-in after this.
        self.crew.wait_until_gone();
    }
}
