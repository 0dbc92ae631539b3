//! `io_cancel`: of all requests the kernel cancels polls only.

use core::ffi::c_int;

use super::context::Context;
use super::iocb::key_of;
use super::state::Threads;
use crate::abi::iocb;
use crate::sys::errno::Errno;
use crate::sys::probe;

/// Cancels a poll: its event is to come, and says 0. Success is EINPROGRESS, as in the kernel. Called
/// with signals blocked.
pub(crate) fn cancel(threads: &Threads, context: &Context, at: *mut iocb) -> Result<c_int, Errno> {
    check_key(at)?;
    let cancelled = context.requests.cancel_first(Some(at));
    let request = cancelled.ok_or(Errno::EINVAL)?;
    // SAFETY: the poll was cancelled here, and the context is held.
    unsafe { threads.pollers.withdraw(request) };
    Err(Errno::EINPROGRESS)
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
