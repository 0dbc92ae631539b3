//! What the first call of a process does, and what each asks.

use crate::configuration::{self, Engine, engine};
use crate::requests::process::{PROCESS, Process};
use crate::requests::submitting::Choice;
use crate::sync::Ordering::Relaxed;
use crate::sys::errno::Errno;

/// The process, once it can be used. EAGAIN: it cannot.
pub(crate) fn process() -> Result<&'static Process, Errno> {
    if PROCESS.limit.load(Relaxed) == 0 {
        PROCESS.limit.store(configuration::threads(), Relaxed);
        PROCESS.idle.store(configuration::idle_seconds(), Relaxed);
    }
    if PROCESS.prepare() {
        Ok(&PROCESS)
    } else {
        Err(Errno::EAGAIN)
    }
}

/// Which way the kernel may be used.
pub(crate) fn choice() -> Choice {
    Choice {
        uses_kernel: engine() == Engine::Auto,
    }
}
