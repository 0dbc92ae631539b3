//! The signal mask: handlers come, or wait until they may.

#[path = "blocked.rs"]
mod blocked;

use std::ptr;

pub use blocked::Blocked;

use crate::signal;

#[derive(Clone, Copy)]
pub struct Signals;

impl Signals {
    pub fn set(&self) {
        signal::block(false);
    }

    pub unsafe fn at(_: *const libc::sigset_t) -> Signals {
        Signals
    }

    pub fn halves(self) -> [u32; 2] {
        [0; 2]
    }

    pub fn of_halves(_: [u32; 2]) -> Signals {
        Signals
    }

    pub fn as_sigset(&self) -> *const libc::sigset_t {
        ptr::from_ref(self).cast()
    }

    pub fn deliver(&self) -> bool {
        let has_come = signal::has_come();
        let before = signal::block(false);
        signal::block(before);
        has_come
    }

    pub fn have_come(&self) -> bool {
        signal::has_come()
    }
}
