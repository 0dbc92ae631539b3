//! The library's threads, without the keeper.

use std::ffi::c_int;

use crate::sys::process::{self, Run, Stack};

/// All zero: no thread.
#[repr(C)]
pub struct Crew;

impl Crew {
    pub fn set_process(&self, _: c_int) {}

    pub unsafe fn start_another<R: Run>(&self, work: &R) -> bool {
        unsafe { process::start_thread(work, Stack::Small) }
    }
}
