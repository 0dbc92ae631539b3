//! The threads engine's lock-free modules as they are, and the little that they need of the others.

// SAFETY comments would all say the same: loom checks every access to a cell.
#![allow(clippy::undocumented_unsafe_blocks)]

#[path = "../../src/engine/threads/completions.rs"]
pub mod completions;
#[path = "../../src/engine/threads/helpers.rs"]
pub mod helpers;
#[path = "requests.rs"]
pub mod requests;
#[path = "../../src/engine/threads/waiting.rs"]
pub mod waiting;

use std::sync::atomic::Ordering::SeqCst;

use crate::process_state::STATE;
use crate::sys::errno::Errno;
use requests::{Request, give_back};

/// Carrying out a request, which takes as long as the model wants.
pub mod carry_out {
    use std::ffi::c_int;

    use super::requests::Details;
    use crate::sys::errno::Errno;

    pub fn for_another(details: &Details) -> Result<c_int, Errno> {
        if let Some(other) = details.waits_for.get() {
            other.wait();
        }
        Ok(0)
    }
}

/// What runs when the process ends.
pub extern "C" fn end(_: *mut std::ffi::c_void) {
    STATE.threads.helpers.drain();
}

/// # Safety
/// The caller owns the request.
pub unsafe fn finish(request: *mut Request, _result: Result<std::ffi::c_int, Errno>) {
    let details = unsafe { &(*request).details };
    details.owned.with_mut(|_| ());
    details.done.finish();
    unsafe { give_back(request) };
    STATE.finished.fetch_add(1, SeqCst);
}
