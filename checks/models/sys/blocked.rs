//! A thread's signals are blocked, in the models of both.

use super::Signals;
use crate::signal;

/// Handlers of the current thread wait until this is dropped.
pub struct Blocked {
    before: bool,
}

impl Blocked {
    pub fn new() -> Blocked {
        Blocked {
            before: signal::block(true),
        }
    }

    pub fn before(&self) -> Signals {
        Signals
    }

    pub fn open<T>(&self, body: impl FnOnce() -> T) -> T {
        signal::block(self.before);
        let result = body();
        signal::block(true);
        result
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        signal::block(self.before);
    }
}
