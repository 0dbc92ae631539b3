//! The library's threads, without the keeper.

use crate::sys::process::{self, Run, Stack};
use crate::sys::signals::Signals;

#[derive(Default)]
pub struct Crew;

impl Crew {
    pub unsafe fn start<R: Run>(&self, work: &R, _mask: Signals) -> bool {
        unsafe { process::start_thread(work, Stack::Small) }
    }

    pub unsafe fn start_another<R: Run>(&self, work: &R) -> bool {
        unsafe { process::start_thread(work, Stack::Small) }
    }

    pub fn leave(&self) {}

    pub fn are_alone(&self) -> bool {
        false
    }
}
