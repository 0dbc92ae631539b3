//! `io_cancel`.

use core::ffi::c_int;
use core::ptr;

use super::context::Context;
use super::iocb::key_of;
use super::requests::{CANCELLED, QUEUED, Request, change};
use super::state::Threads;
use crate::abi::iocb;
use crate::sys::errno::Errno;
use crate::sys::probe;

/// Cancels a request. Success is EINPROGRESS, as in the kernel.
pub(crate) fn cancel(threads: &Threads, context: &Context, at: *mut iocb) -> Result<c_int, Errno> {
    check_key(at)?;
    // The one that was submitted first.
    let mut first: *mut Request = ptr::null_mut();
    context.requests.for_each(|request| {
        // SAFETY: the context is held, so the memory is there; a request that changes hands
        // meanwhile is not found, or not cancelled below.
        let (this, serial) = unsafe { ((*request).details.obj, (*request).details.serial) };
        let is_older = first.is_null() || {
            // SAFETY: as above.
            let other = unsafe { (*first).details.serial };
            (serial.wrapping_sub(other) as i32) < 0
        };
        if this == at && is_older {
            first = request;
        }
    });
    if first.is_null() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the context is held, so the memory is there.
    let is_cancelled =
        unsafe { threads.poller.withdraw(first) || change(first, QUEUED, CANCELLED) };
    Err(if is_cancelled {
        Errno::EINPROGRESS
    } else {
        Errno::EINVAL
    })
}

/// Cancels a request of a context that is none.
#[inline(never)]
pub(crate) fn cancel_nothing(at: *mut iocb) -> Result<c_int, Errno> {
    check_key(at)?;
    Err(Errno::EINVAL)
}

/// The kernel looks at the key of the iocb before it looks for the request.
fn check_key(at: *mut iocb) -> Result<(), Errno> {
    let key = key_of(at);
    if !probe::are_readable(key.cast(), size_of::<u32>()) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the kernel has just read it.
    if unsafe { key.read_unaligned() } != 0 {
        return Err(Errno::EINVAL);
    }
    Ok(())
}
