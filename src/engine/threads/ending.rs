//! The end of the process: what was queued is finished, and the library's threads end. Until then the
//! library stays loaded.

use super::state::Threads;
use crate::sync::Ordering::Relaxed;
use crate::sys::futex;
use crate::sys::loaded_objects;
use crate::sys::process::{self, Run};

/// Sees to it that the engine's work is finished at the end of the process, and that the library is
/// there until then. Called before work is given to a thread of the library.
pub(crate) fn finish_at_exit(threads: &Threads) {
    // Relaxed: of threads that come here at the same time, one exchange finds 0.
    if threads.ends_at_exit.load(Relaxed) == 0 && threads.ends_at_exit.swap(1, Relaxed) == 0 {
        loaded_objects::keep_this_one();
        // SAFETY: it is the state, which stays.
        unsafe { process::at_exit(threads) };
    }
}

/// Finishes what is queued and ends the threads: the process ends, or the program unloads the
/// plug-in that contains the library.
impl Run for Threads {
    fn run(&self) {
        if !self.are_ours() {
            // A child inherits this call from its parent, but not the threads.
            return;
        }
        self.helpers.drain();
        self.poller.end();
        // A thread says that it ends just before it returns; give it time to leave the library's
        // code.
        futex::sleep(1_000_000);
    }
}
