//! The exported functions. Each returns a count or `-errno`, and none changes `errno`.
//!
//! Names that end in `_0_1` are the 2002 interface, kept for programs linked then: the Makefile
//! gives them their public names in version node `LIBAIO_0.1` (`abi/versions.redefine`). The man
//! pages describe every function; the comments here say what a page cannot.

use core::ffi::{c_int, c_long};
use core::mem::{MaybeUninit, transmute};
use core::ptr;

#[cfg(target_pointer_width = "32")]
use crate::abi::timespec64;
use crate::abi::{io_callback_t, io_context_t, io_event, iocb, timespec};
use crate::engine;
use crate::interposable;
use crate::sys::errno::Errno;

/// What C sees of a result: the count, or `-errno`.
#[inline(always)]
fn count_or_errno(result: Result<c_int, Errno>) -> c_int {
    match result {
        Ok(count) => count,
        Err(error) => error.negated(),
    }
}

/// Makes a context for at least `maxevents` requests and stores it at `ctxp`, which must hold null.
///
/// # Safety
/// `ctxp` is null, bad, or the caller's to write.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn io_setup(maxevents: c_int, ctxp: *mut io_context_t) -> c_int {
    // SAFETY: the kernel writes `ctxp` or answers EFAULT.
    count_or_errno(unsafe { engine::setup(maxevents, ctxp) })
}

/// Destroys a context: cancels polls, waits for everything else in flight, discards its events.
///
/// # Safety
/// Nobody reads the ring behind `ctx` any more.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn io_destroy(ctx: io_context_t) -> c_int {
    // SAFETY: the caller keeps the same promise.
    count_or_errno(unsafe { engine::destroy(ctx) })
}

/// Submits up to `nr` requests, in order; stops at the first that is refused.
///
/// # Safety
/// The buffers that the iocbs name stay valid until their events are reaped.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn io_submit(
    ctx: io_context_t,
    nr: c_long,
    ios: *mut *mut iocb,
) -> c_int {
    // SAFETY: the caller keeps the same promise.
    count_or_errno(unsafe { engine::submit(ctx, nr, ios) })
}

/// Asks for a request to be cancelled; `-EINPROGRESS` is success. `evt` is never written.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn io_cancel(
    ctx: io_context_t,
    iocb: *mut iocb,
    evt: *mut io_event,
) -> c_int {
    count_or_errno(engine::cancel(ctx, iocb, evt))
}

/// Waits for `min_nr` events and takes up to `nr` into `events`. Leaves `timeout` as it is.
///
/// # Safety
/// `events` has room for `nr` events, or is bad; so is `timeout`, or it is null or readable.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn io_getevents(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *mut timespec,
) -> c_int {
    // SAFETY: the caller keeps the same promise.
    count_or_errno(unsafe { engine::getevents(ctx, min_nr, nr, events, timeout) })
}

/// As [`io_getevents`], with the signal mask `sigmask` while it waits, if that is not null.
///
/// # Safety
/// As [`io_getevents`]; `sigmask` is null, bad or readable.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn io_pgetevents(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *mut timespec,
    sigmask: *mut libc::sigset_t,
) -> c_int {
    // SAFETY: the caller keeps the same promise.
    count_or_errno(unsafe { engine::pgetevents(ctx, min_nr, nr, events, timeout, sigmask) })
}

/// [`io_getevents`] with a timeout of 64 bits: what a 32-bit program compiled with `_TIME_BITS=64`
/// calls.
///
/// # Safety
/// As [`io_getevents`].
#[cfg(target_pointer_width = "32")]
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn io_getevents_time64(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *mut timespec64,
) -> c_int {
    // SAFETY: the caller keeps the same promise.
    count_or_errno(unsafe { engine::getevents(ctx, min_nr, nr, events, timeout) })
}

/// [`io_pgetevents`] with a timeout of 64 bits.
///
/// # Safety
/// As [`io_pgetevents`].
#[cfg(target_pointer_width = "32")]
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn io_pgetevents_time64(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *mut timespec64,
    sigmask: *mut libc::sigset_t,
) -> c_int {
    // SAFETY: the caller keeps the same promise.
    count_or_errno(unsafe { engine::pgetevents(ctx, min_nr, nr, events, timeout, sigmask) })
}

/// [`io_setup`] for a positive `maxevents` and a `ctxp` that need not hold null.
///
/// # Safety
/// `ctxp` is the caller's to write, or null.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn io_queue_init(maxevents: c_int, ctxp: *mut io_context_t) -> c_int {
    if maxevents <= 0 {
        return Errno::EINVAL.negated();
    }
    if !ctxp.is_null() {
        // SAFETY: the caller says that it is writable.
        unsafe { ctxp.write(ptr::null_mut()) };
    }
    // SAFETY: the caller keeps the same promise.
    unsafe { interposable::io_setup(maxevents, ctxp) }
}

/// [`io_destroy`].
///
/// # Safety
/// As [`io_destroy`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn io_queue_release(ctx: io_context_t) -> c_int {
    // SAFETY: the caller keeps the same promise.
    unsafe { interposable::io_destroy(ctx) }
}

/// Takes the events that are there, one by one, and calls the callback that each one's `data` is.
///
/// # Safety
/// The `data` of every request submitted to `ctx` is an [`io_callback_t`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn io_queue_run(ctx: io_context_t) -> c_int {
    loop {
        let mut event = MaybeUninit::<io_event>::uninit();
        let mut no_wait = timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // One at a time: events taken ahead would be lost if the callback throws.
        // SAFETY: the event and the timeout are ours.
        let taken =
            unsafe { interposable::io_getevents(ctx, 0, 1, event.as_mut_ptr(), &mut no_wait) };
        if taken != 1 {
            return taken;
        }
        // SAFETY: one event was written.
        let event = unsafe { event.assume_init() };
        // SAFETY: the caller says that `data` is a callback.
        let callback = unsafe { transmute::<*mut core::ffi::c_void, io_callback_t>(event.data) };
        // SAFETY: it is called as its type says.
        unsafe { callback(ctx, event.obj, event.res as c_long, event.res2 as c_long) };
    }
}

/// Returns 0, or the error that a bad argument gets: with a minimum of 0 the kernel never waits.
///
/// # Safety
/// `timeout` is null, bad or readable.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn io_queue_wait(ctx: io_context_t, timeout: *mut timespec) -> c_int {
    // SAFETY: there is no array to write; the caller answers for the timeout.
    unsafe { interposable::io_getevents(ctx, 0, 0, ptr::null_mut(), timeout) }
}

/// `io_cancel@LIBAIO_0.1`: without the event that is never written.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn io_cancel_0_1(ctx: io_context_t, iocb: *mut iocb) -> c_int {
    let mut event = MaybeUninit::<io_event>::uninit();
    interposable::io_cancel(ctx, iocb, event.as_mut_ptr())
}

/// `io_getevents@LIBAIO_0.1`: a minimum of one event.
///
/// # Safety
/// As [`io_getevents`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn io_getevents_0_1(
    ctx: io_context_t,
    nr: c_long,
    events: *mut io_event,
    timeout: *const timespec,
) -> c_int {
    // SAFETY: the caller keeps the same promise; the timeout is not written.
    unsafe { interposable::io_getevents(ctx, 1, nr, events, timeout.cast_mut()) }
}

/// `io_queue_wait@LIBAIO_0.1`: the same as [`io_queue_wait`].
///
/// # Safety
/// As [`io_queue_wait`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn io_queue_wait_0_1(
    ctx: io_context_t,
    timeout: *const timespec,
) -> c_int {
    // SAFETY: there is no array to write; the timeout is not written.
    unsafe { interposable::io_getevents(ctx, 0, 0, ptr::null_mut(), timeout.cast_mut()) }
}
