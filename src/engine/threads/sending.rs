//! Sending the requests of one call to the helpers.

use core::ffi::c_int;
use core::ptr;

use super::carry_out;
use super::completions::NO_EVENTFD;
use super::ending::{finish_at_exit, stay_loaded};
use super::requests::{Request, finish};
use super::state::Threads;
use crate::sync::Ordering::Relaxed;
use crate::sys::signals::Signals;

/// Sends requests to the helpers. Those that they cannot have are carried out here, while the program's
/// call goes on.
///
/// # Safety
/// The requests are this thread's, and name files by their index.
pub(crate) unsafe fn send(
    threads: &Threads,
    signals: Signals,
    first: *mut Request,
    files: &[c_int],
) {
    finish_at_exit(threads);
    // SAFETY: as the caller promises.
    if unsafe { threads.helpers.send(first, files, signals) } {
        stay_loaded(threads);
        return;
    }
    let lanes = &threads.helpers.lanes;
    let mut request = first;
    while !request.is_null() {
        // SAFETY: as the caller promises.
        unsafe {
            lanes.remove(&(*request).details);
            request = ptr::with_exposed_provenance_mut((*request).next.load(Relaxed));
        }
    }
    let number = |index: c_int| files.get(index as usize).copied().unwrap_or(-1);
    let mut request = first;
    while !request.is_null() {
        // SAFETY: as the caller promises.
        unsafe {
            let next = (*request).next.load(Relaxed);
            let details = &mut (*request).details;
            details.fd = number(details.fd);
            if details.eventfd != NO_EVENTFD {
                details.eventfd = number(details.eventfd);
            }
            // What was sent before comes first.
            lanes.wait(details.lane);
            finish(
                request,
                carry_out::in_helper(&(*request).details),
                |_, _| (),
            );
            request = ptr::with_exposed_provenance_mut(next);
        }
    }
}
