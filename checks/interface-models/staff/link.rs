//! The socket by which a pool gets files: messages that nobody can close.

use std::ffi::c_int;

use super::crew::Crew;
use crate::sync::AtomicU32;
use crate::sys::process::{self, Run, Stack};
use crate::sys::signals::Signals;
use crate::sys::sockets;

/// All zero: there are no threads.
#[repr(C)]
pub struct Link {
    pub alive: AtomicU32,
}

/// Why something could not be sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unsent {
    Unreachable,
    Full,
    Refused,
}

impl Link {
    pub fn set_crew(&self, _: &Crew) {}

    pub fn crew(&self) -> &Crew {
        &Crew
    }

    pub fn send(&self, word: usize, files: &[c_int]) -> Result<(), Unsent> {
        sockets::send(word, files.first().copied());
        Ok(())
    }

    pub unsafe fn start<R: Run>(&self, work: &R, _: Signals) -> bool {
        unsafe { process::start_thread(work, Stack::Small) }
    }

    pub fn enter(&self) -> Option<c_int> {
        Some(sockets::SOCKET)
    }

    pub fn leave(&self) {}
}
