//! How many requests of one context a helper or the poller has, and whether `io_destroy` waits for
//! them.

use crate::sync::AtomicU32;
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sys::futex;

/// The context is being destroyed: no further request enters.
const DESTROYING: u32 = 1 << 31;

/// The count, and whether the context is being destroyed. All zero: none.
#[derive(Default)]
#[repr(C)]
pub(crate) struct InFlight(AtomicU32);

impl InFlight {
    /// Starts with none.
    pub(crate) fn start(&self) {
        self.0.store(0, Relaxed);
    }

    /// Counts a request in. False if the context is being destroyed: then nobody would wait for the
    /// request.
    #[must_use]
    pub(crate) fn enter(&self) -> bool {
        // Relaxed: one word says both, so an `io_destroy` that this does not see waits for the
        // request.
        let enters = self.0.fetch_add(1, Relaxed) & DESTROYING == 0;
        if !enters {
            self.leave();
        }
        enters
    }

    /// Counts a request out: the last access to its context's memory.
    pub(crate) fn leave(&self) {
        // Release: pairs with `wait`, after which the memory goes.
        if self.0.fetch_sub(1, Release) == DESTROYING | 1 {
            futex::wake(&self.0, u32::MAX >> 1);
        }
    }

    /// Whether the context is being destroyed.
    pub(crate) fn is_destroying(&self) -> bool {
        // Relaxed: a thread that is about to wait takes the count of wake-ups before; see `destroy`.
        self.0.load(Relaxed) & DESTROYING != 0
    }

    /// Lets no further request enter. The caller wakes those who wait for events.
    pub(crate) fn destroy(&self) {
        // Relaxed: `Waiters::wake_all` comes after it, and counts a wake-up: who has seen that sees this,
        // and who has not does not sleep.
        self.0.fetch_or(DESTROYING, Relaxed);
    }

    /// Waits until all requests have left, and calls `meanwhile` before every look again.
    pub(crate) fn wait(&self, meanwhile: impl Fn()) {
        loop {
            meanwhile();
            // Acquire: pairs with `leave`.
            let word = self.0.load(Acquire);
            if word == DESTROYING {
                return;
            }
            let _ = futex::sleep_until(&self.0, word, futex::now() + 10_000_000);
        }
    }
}
